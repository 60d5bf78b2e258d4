import ChatRedis
import ChatServer
import ChatWire
import TestSupport
import Testing

@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10))) struct SharedLettersTests {
  @Test func `A private line reaches a member of another server alone, and both may answer`() throws {
    let room = try SharedRoom(servers: 3)
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    let carol = try room.person(called: "carol", at: 2)
    try bob.ask("/reply hello?", "* Nobody has sent you a private line yet; that was not sent.")
    try alice.ask("/msg BOB are you there?", "* Sent to bob.")
    try bob.expect("[private] alice: are you there?")
    try bob.ask("/reply yes", "* Sent to alice.")
    try alice.expect("[private] bob: yes")
    try alice.ask("/msg carol \u{1B}[2J", "* Sent to carol.")
    try carol.expect("[private] alice: ^[[2J")
    try bob.ask("/nick bo", "* bob is now bo")
    for other in [alice, carol] { try other.expect("* bob is now bo") }
    bob.name = "bo"
    try alice.ask("/reply still there?", "* Sent to bo.")
    try bob.expect("[private] alice: still there?")
    try alice.ask("/msg bob hi", "* Nobody here is called bob; that was not sent.")
    try alice.ask(
      "/msg bo \(String(repeating: "x", count: 8170))\u{1}", "* Sent to bo.")
    try bob.expect("[private] alice: \(String(repeating: "x", count: 8170))^A")
    try alice.ask(
      "/msg bo \(String(repeating: "\u{1}", count: 5000))",
      "* That is longer than 8192 bytes; it was not sent.")
    try room.expectQuiet(alice)
    for server in room.servers { #expect(!server.logged.contains { $0.contains("still there") }) }
  }

  @Test func `The sender is told that its reader is away, ignores it, or has gone`() throws {
    let room = try SharedRoom()
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    try bob.ask("/away lunch: back at one", "* You are away. /away alone says that you are back.")
    try alice.ask("/msg bob soup?", "* Sent to bob, who is away (lunch: back at one).")
    try bob.expect("[private] alice: soup?")
    try bob.ask("/away", "* You are back.")
    try bob.ask("/ignore alice", "* You ignore alice now.")
    try alice.ask("/msg bob soup?", "* bob ignores you; that was not sent.")
    try alice.ask("can you hear me?")
    try alice.ask("/nick alicia", "* alice is now alicia")
    try bob.expect("* alice is now alicia")
    alice.name = "alicia"
    try alice.ask("and now?")
    try alice.ask("/msg bob and now?", "* bob ignores you; that was not sent.")
    try bob.ask("/ignored", "* You ignore: alice (now alicia)")
    try bob.ask("/unignore alice", "* You no longer ignore alice.")
    try alice.ask("/msg bob at last", "* Sent to bob.")
    try bob.expect("[private] alicia: at last")
    try bob.send("exit")
    try bob.peer.expectClosed()
    try eventually("bob to be gone") {
      try alice.send("/msg bob still there?")
      return try alice.peer.expectLine() == "* Nobody here is called bob; that was not sent."
    }
    try alice.ask("/msg bob hi", "* Nobody here is called bob; that was not sent.")
  }

  @Test func `What a member of another server does not read is not lost without a word`() throws {
    let room = try SharedRoom()
    let alice = try room.person(called: "alice", at: 0)
    let reader = try Dialogue(connectingTo: room.servers[1].addresses[0], receiveBuffer: 4096)
    try room.awaitEntry(":\(reader.localPort), since")
    let name = "\(reader.localPort)"
    let line = String(repeating: "x", count: 8000)
    var sent = 0
    while true {
      try alice.send("/msg \(name) \(sent) \(line)")
      let answer = try alice.peer.expectLine()
      if answer == "* \(name) is too far behind; that was not sent." { break }
      try #require(answer == "* Sent to \(name).")
      sent += 1
    }
    #expect(sent > 0)
    // It breaks. Had it read some, the kernel might have taken the rest, which is not unread for the server.
    try reader.reset()
    let told = try alice.peer.expectLine()
    let lines = told.split(separator: " ").compactMap { Int($0) }.last ?? 1
    #expect(told.hasPrefix("* \(name) left before your last"), "\(told)")
    #expect(lines > 0 && lines <= sent)
  }

  @Test func `What is sent while the link is down waits, and is answered when it is back`() throws {
    let room = try SharedRoom()
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    room.redis.pause()
    try alice.send("/msg bob psst\n/nick alicia\nhello")
    try alice.expect("* The link to the other servers is down; what you send waits.")
    room.redis.resume()
    try alice.expect("* The link to the other servers is back.")
    var lines = [try alice.peer.expectLine(), try alice.peer.expectLine()]
    lines.sort()
    #expect(lines == ["* Sent to bob.", "* alice is now alicia"])
    lines = try (0..<3).map { _ in try bob.peer.expectLine() }
    #expect(lines == ["[private] alice: psst", "* alice is now alicia", "alicia: hello"])
  }

  @Test func `A sender is told when nobody can say any more what became of its private line`() throws {
    let room = try SharedRoom()
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    room.cutOff(1)
    try alice.send("/msg bob are you there?\nfor all")
    try alice.expect("* It is not known whether bob got your last private line.")
    try alice.ask("/msg bob again", "* Nobody here is called bob; that was not sent.")
    room.reconnect(1)
    // It was cut off for longer than others wait for it, so it begins anew.
    let lines = try bob.lines { $0 == "alice: for all" }
    #expect(!lines.contains { $0.hasPrefix("[private]") })
  }

  @Test func `A sender that breaks off before it is told is gone, and what it said before is said`() throws {
    let room = try SharedRoom()
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    let carol = try room.person(called: "carol", at: 0)
    room.redis.pause()
    try alice.send("/msg bob psst\nfor all\n")
    try alice.expect("* The link to the other servers is down; what you send waits.")
    alice.peer.close()
    // Sending to her fails, and that is found out.
    try eventually("alice to be unreachable") {
      try carol.send("/msg alice are you there?")
      return try carol.peer.expectLine() != "* Sent to alice."
    }
    room.redis.resume()
    try bob.expect("[private] alice: psst")
    try bob.expect("alice: for all")
    try bob.send("/nick alice")
    try eventually("the name to be free") {
      let line = try bob.peer.expectLine()
      if line == "* bob is now alice" { return true }
      try bob.send("/nick alice")
      return false
    }
  }

  @Test func `A sender goes on when its private line has vanished from Redis`() throws {
    let room = try SharedRoom()
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    let client = try RedisClient(room.redis)
    func call(_ words: [String]) throws -> Reply { try client.call(words.map { Array($0.utf8) }) }
    let carol = try room.person(called: "carol", at: 0)
    room.cutOff(1)
    // What bob's server has asked for already is answered with this, and not with the letter.
    try carol.send("hello")
    try alice.expect("carol: hello")
    try alice.send("/msg bob psst\nfor all")
    try eventually("the letter to vanish") {
      let boxes = try #require(try call(["KEYS", "*:box:*"]).elements).compactMap(\.text)
      return try boxes.contains {
        guard try call(["XLEN", $0]).number != 0 else { return false }
        return try call(["DEL", $0]).number == 1
      }
    }
    room.reconnect(1)
    _ = try alice.lines { $0 == "* It is not known whether bob got your last private line." }
    // Where the machine is slow, bob's server was taken for gone, and comes back.
    try room.awaitEntry("* bob, ")
    try alice.ask("/msg bob again", "* Sent to bob.")
    _ = try bob.lines { $0 == "[private] alice: again" }
  }
}
