import ChatServer
import ChatWire
import Glibc
import TestSupport
import Testing

/// A peer, and how it ends what it sends: with a newline, or with a pause as SEED.md's programs do.
private struct Person {
  let peer: Dialogue
  let endsLines: Bool

  init(_ server: RunningServer, endsLines: Bool = true) throws {
    peer = try server.peer()
    self.endsLines = endsLines
  }

  /// Says or asks something, and reads what the server answers to that.
  func ask(_ line: String, _ answers: String...) throws {
    try peer.send(endsLines ? line + "\n" : line)
    for answer in answers { try peer.expect(answer) }
  }
  func expect(_ line: String) throws { try peer.expect(line) }
  var name: String { "\(peer.localPort)" }
}

/// Every kind of server, with peers that end their lines and peers that do not.
private let allWays = ServerKind.allCases.flatMap { kind in [true, false].map { (kind, $0) } }

@Suite(.timeLimit(.minutes(10))) struct CommandDialogueTests {
  @Test(arguments: allWays)
  func `Names are taken, shown to everybody, refused and given back`(kind: ServerKind, endsLines: Bool) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try Person(server, endsLines: endsLines), try Person(server, endsLines: endsLines))
    try server.settle()
    try a.ask("/nick alice", "* \(a.name) is now alice")
    try b.expect("* \(a.name) is now alice")
    try a.ask("hi")
    try b.expect("alice: hi")
    try b.ask("/nick ALICE", "* That name is taken, or looks like one that is. ALICE2 is free.")
    try b.ask("/nick аlice", "* A name has letters of one script only, all Latin or all Greek for example.")
    try b.ask("/nick server", "* That name is kept for the server. Choose another one.")
    try b.ask("/nick \(a.name)", "* A name has at least one letter.")
    try b.ask("/nick \(b.name)", "* You are \(b.name) already.")
    try b.ask("/nick bob", "* \(b.name) is now bob")
    try a.expect("* \(b.name) is now bob")
    try b.ask("/nick bob", "* You are bob already.")
    try b.ask("/nick Bob", "* bob is now Bob")
    try a.expect("* bob is now Bob")
    try b.ask("/nick", "* Bob is now \(b.name)")
    try a.expect("* Bob is now \(b.name)")
    try b.ask("/nick bob", "* \(b.name) is now bob")
    try server.waitForLog("[NAME] ('127.0.0.1', \(a.name)) is now alice.")
    try server.waitForLog("[('127.0.0.1', \(a.name))] Relaying message: alice: hi")
  }

  @Test(arguments: allWays)
  func `Private lines reach one, who may answer, and their sender is told`(kind: ServerKind, endsLines: Bool) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try Person(server, endsLines: endsLines), try Person(server, endsLines: endsLines))
    let c = try Person(server, endsLines: endsLines)
    try server.settle()
    try a.ask("/nick alice", "* \(a.name) is now alice")
    for other in [b, c] { try other.expect("* \(a.name) is now alice") }
    try b.ask("/reply hello?", "* Nobody has sent you a private line yet; that was not sent.")
    try b.ask("/msg alice are you there?", "* Sent to alice.")
    try a.expect("[private] \(b.name): are you there?")
    try a.ask("/reply yes", "* Sent to \(b.name).")
    try b.expect("[private] alice: yes")
    try a.ask("/msg \(c.name) \u{1B}[2J", "* Sent to \(c.name).")
    try c.expect("[private] alice: ^[[2J")
    try b.ask("/msg nobody hi", "* Nobody here is called nobody; that was not sent.")
    try b.ask("/msg alice", "* Write it as /msg NAME TEXT")
    try b.ask("/away lunch: back at one", "* You are away. /away alone says that you are back.")
    try a.ask("/msg \(b.name) soup?", "* Sent to \(b.name), who is away (lunch: back at one).")
    try b.expect("[private] alice: soup?")
    try b.ask("/away", "* You are back.")
    try b.ask("/ignore alice", "* You ignore alice now.")
    try a.ask("/msg \(b.name) hello", "* \(b.name) ignores you; that was not sent.")
    try c.ask("/msg alice psst", "* Sent to alice.")
    try a.expect("[private] \(c.name): psst")
    // Nobody else saw any of it, and the server's log has none.
    try c.ask("done")
    try b.expect("\(c.name): done")
    try a.expect("\(c.name): done")
    #expect(!server.logged.contains { $0.contains("private") || $0.contains("psst") || $0.contains("soup") })
  }

  @Test(arguments: allWays)
  func `Who is ignored is not heard, by whatever name, and is heard again`(kind: ServerKind, endsLines: Bool) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try Person(server, endsLines: endsLines), try Person(server, endsLines: endsLines))
    let c = try Person(server, endsLines: endsLines)
    try server.settle()
    try a.ask("/ignored", "* You ignore nobody.")
    try a.ask("/ignore \(a.name)", "* That is you.")
    try a.ask("/ignore 1", "* Nobody here is called 1.")
    try a.ask("/ignore nobody", "* Nobody here is called nobody. You ignore whoever takes that name.")
    try a.ask("/unignore nobody", "* You no longer ignore nobody.")
    try a.ask("/ignore \(b.name)", "* You ignore \(b.name) now.")
    try a.ask("/ignored", "* You ignore: \(b.name)")
    try b.ask("hidden")
    try c.expect("\(b.name): hidden")
    try b.ask("/me is hidden")
    try c.expect("[action] \(b.name) is hidden")
    try b.ask("/nick bob", "* \(b.name) is now bob")
    for other in [a, c] { try other.expect("* \(b.name) is now bob") }
    try b.ask("hidden as well")
    try c.expect("bob: hidden as well")
    try c.ask("seen")
    try a.expect("\(c.name): seen")
    try b.expect("\(c.name): seen")
    try a.ask("/ignored", "* You ignore: \(b.name) (now bob)")
    try a.ask("/unignore bob", "* You no longer ignore \(b.name).")
    try a.ask("/unignore bob", "* You do not ignore bob.")
    try b.ask("seen again")
    try a.expect("bob: seen again")
  }

  @Test(arguments: allWays)
  func `Actions, slashes and unknown commands`(kind: ServerKind, endsLines: Bool) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try Person(server, endsLines: endsLines), try Person(server, endsLines: endsLines))
    try server.settle()
    try a.ask("/me waves")
    try b.expect("[action] \(a.name) waves")
    try a.ask("/etc/hosts is wrong")
    try b.expect("\(a.name): /etc/hosts is wrong")
    try a.ask("//me waves")
    try b.expect("\(a.name): /me waves")
    try a.ask(
      "/mgs bob hi",
      "* Unknown command /mgs. Did you mean /msg? /help lists them; // at the start says a line that begins with /.")
    try a.ask(
      "/xyzzy", "* Unknown command /xyzzy. /help lists them; // at the start says a line that begins with /.")
    try a.ask("/me", "* Write it as /me TEXT")
    try a.ask("/help msg", "* /msg NAME TEXT: says TEXT to one person alone")
    try a.ask("/help", "* /help [COMMAND]: lists the commands, or says what one of them does")
    for word in Command.Word.allCases.dropFirst() { try a.expect("* \(word.usage): \(word.help)") }
    try a.expect("* A line that begins with // is said, less its first slash.")
    try a.ask("/op secret", "* This server has no operators.")
    try a.ask("/kick \(b.name)", "* Only operators can do that.")
    try a.ask("/quit")
    try a.peer.expectClosed()
  }

  @Test(arguments: allWays)
  func `What was said before is shown with its time`(kind: ServerKind, endsLines: Bool) throws {
    let server = try RunningServer(kind) { $0.replayedLines = 2 }
    let (a, b) = (try Person(server, endsLines: endsLines), try Person(server, endsLines: endsLines))
    try server.settle()
    for line in ["one", "two"] {
      try a.ask(line)
      try b.expect("\(a.name): \(line)")
    }
    try a.ask("/me waves")
    try b.expect("[action] \(a.name) waves")
    let c = try Person(server, endsLines: endsLines)
    try c.expectEarlier("\(a.name): two")
    try c.expectEarlier("[action] \(a.name) waves")
    try c.ask("/last 1")
    try c.expectEarlier("[action] \(a.name) waves")
    try c.ask("/last")
    for line in ["\(a.name): one", "\(a.name): two", "[action] \(a.name) waves"] { try c.expectEarlier(line) }
    try c.ask("/since 0:00")
    for line in ["\(a.name): one", "\(a.name): two", "[action] \(a.name) waves"] { try c.expectEarlier(line) }
    try c.ask("/last none", "* Write it as /last [N]")
    try a.ask("three")
    try c.expect("\(a.name): three")
  }

  @Test(arguments: ServerKind.allCases)
  func `/last shows nothing that is still to come`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (speaker, reader) = (try server.peer(), try server.peer(receiveBuffer: 4096))
    try server.settle()
    // More than the kernel takes for a reader that reads nothing.
    let text = String(repeating: "x", count: 1000)
    for number in 0..<900 { try speaker.send("\(number) \(text)\n") }
    try server.wait("900 lines") { $0.said == 900 }
    try reader.send("/last 900\n")
    try server.settle()
    try speaker.send("end\n")
    var heard: Set<Substring> = []
    var shown = 0
    while true {
      let line = try reader.expectLine()
      if line == "\(speaker.localPort): end" { break }
      let words = line.split(separator: " ")
      if line.hasPrefix("[") {
        shown += 1
        #expect(heard.contains(words[2]), "\(words[2]) was not heard yet")
      } else {
        #expect(heard.insert(words[1]).inserted)
      }
    }
    #expect(heard.count == 900)
    #expect(shown > 0)
  }

  @Test(arguments: ServerKind.allCases)
  func `Who comes and goes is announced, a burst in one line`(kind: ServerKind) throws {
    let server = try RunningServer(kind) {
      $0.announces = true
      $0.topic = "who is who"
      $0.welcome = ["Be kind.", "Be brief."]
    }
    let a = try server.peer()
    try server.settle()
    for line in ["* Be kind.", "* Be brief.", "* Topic: who is who", "* \(a.localPort) joined"] { try a.expect(line) }
    let others = try (0..<20).map { _ in try server.peer() }
    try server.settle()
    var joined = 0
    while joined < 20 {
      let line = try a.expectLine()
      guard case .joined(let names, let more)? = Notice(parsing: Array(line.utf8.dropFirst(2))[...]) else {
        throw TestFailure("a burst of joiners, not \(line)")
      }
      joined += names.count + more
      #expect(names.count <= 10)
    }
    for peer in others { peer.close() }
    var left = 0
    while left < 20 {
      let line = try a.expectLine()
      guard case .left(let names, let more)? = Notice(parsing: Array(line.utf8.dropFirst(2))[...]) else {
        throw TestFailure("a burst of leavers, not \(line)")
      }
      left += names.count + more
    }
  }

  @Test(arguments: ServerKind.allCases)
  func `A client's request for names is answered with all of them`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let people = try (0..<200).map { _ in try Person(server) }
    try server.settle()
    try people[7].ask("/nick alice", "* \(people[7].name) is now alice")
    try people[0].expect("* \(people[7].name) is now alice")
    try people[0].ask("\t \t")
    var names: [String] = []
    while true {
      let line = try people[0].peer.expectLine()
      guard case .here(let some, let isLast)? = Notice(parsing: Array(line.utf8.dropFirst(2))[...]) else {
        throw TestFailure("names, not \(line)")
      }
      names += some.map(\.description)
      if isLast { break }
    }
    #expect(names.first == people[0].name)
    #expect(names.sorted() == people.map { $0.name == people[7].name ? "alice" : $0.name }.sorted())
  }

  @Test(arguments: ServerKind.allCases)
  func `/who tells of everybody`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try Person(server), try Person(server))
    try server.settle()
    try b.ask("/nick bob", "* \(b.name) is now bob")
    try a.expect("* \(b.name) is now bob")
    try b.ask("/away out: for lunch", "* You are away. /away alone says that you are back.")
    try a.ask("/who", "* 2 people are here:")
    let lines = [try a.peer.expectLine(), try a.peer.expectLine()]
    #expect(
      lines[0].wholeMatch(of: /\* bob, 127\.0\.0\.1:\d+, since \d\d:\d\d, away \(out: for lunch\)/) != nil, "\(lines)")
    #expect(lines[1].wholeMatch(of: /\* \d+, 127\.0\.0\.1:\d+, since \d\d:\d\d/) != nil, "\(lines)")
  }

  @Test(arguments: ServerKind.allCases)
  func `A crowd that takes names and asks who is here all at once is shown to each with its own name`(
    kind: ServerKind
  ) throws {
    let server = try RunningServer(kind)
    let people = try (0..<60).map { _ in try Person(server) }
    try server.settle()
    for (index, person) in people.enumerated() {
      try person.peer.send("/nick person\(index)\n\t \t\n/who\n/last 1\n")
    }
    for index in people.indices {
      var (isNamed, listed) = (false, 0)
      while true {
        let line = try people[index].peer.expectLine()
        if line.hasPrefix("* Here: ") { #expect(line.hasPrefix("* Here: person\(index), ")) }
        if line.contains(", 127.0.0.1:") { listed += 1 }
        if line.hasPrefix("* person\(index), 127.0.0.1:") { isNamed = true }
        if line.hasPrefix("[") || line == "* There are no earlier lines." { break }
      }
      #expect(isNamed && listed == people.count)
    }
  }

  @Test(arguments: ServerKind.allCases)
  func `Whoever closes within its answers is gone, and so is its name`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let speaker = try Person(server)
    try server.settle()
    try speaker.peer.send(String(repeating: "a line of some length, so that answers take a while\n", count: 10_000))
    try speaker.ask("/help help", "* /help [COMMAND]: lists the commands, or says what one of them does")
    for index in 0..<20 {
      let asker = try Person(server)
      try asker.peer.send("/nick asker\(index)\n/last 1000\n/who\n/last 1000\nbye\n")
      asker.peer.close()
    }
    try server.wait("the askers to be gone") { $0.left + $0.lost == 20 }
    try speaker.peer.send("/who\n")
    while try speaker.peer.expectLine() != "* Nobody else is here." {}
  }
}

extension Person {
  /// Expects `line`, with the time when it was said before it.
  func expectEarlier(_ line: String) throws {
    let received = try peer.expectLine()
    guard let match = received.wholeMatch(of: /\[\d\d:\d\d\] (.*)/), match.1 == line else {
      throw TestFailure("expected [HH:MM] \(line), got \(received)")
    }
  }
}
