import ChatWire
import Glibc
import TestSupport
import Testing

extension Program {
  /// Asks a server to let a new program go on, and waits until that says that it does. On a machine that is busy with other tests
  /// the new program may need longer to start than it is given, so it is asked again then.
  /// - Parameter members: with how many it has to go on; nil if that depends on the time.
  func takeOver(members: Int?) throws {
    for _ in 0..<10 {
      signal(SIGUSR2)
      let line = try waitForLine("a take-over") { $0.hasPrefix("[TAKEOVER] ") }
      if line.contains("has not said within 5 s") { continue }
      #expect(line.hasPrefix("[TAKEOVER] mychatserver 1.0.0 goes on with "))
      if let members { #expect(line.hasSuffix(" with \(members) member\(members == 1 ? "" : "s").")) }
      return
    }
    throw TestFailure("this machine is too busy")
  }
}

extension ServerProgram {
  func takeOver(members: Int) throws { try program.takeOver(members: members) }

  /// Descriptors that it has open, of any kind.
  var openDescriptors: Int { ProcessFigures(of: program.pid)?.openFiles.count ?? 0 }
}

/// SIGUSR2: a new program goes on in the same process, and nobody notices.
@Suite(.timeLimit(.minutes(10))) struct TakeOverTests {
  @Test(arguments: ["epoll", "portable"])
  func `Members keep their connections, names and half-typed lines, again and again`(eventLayer: String) throws {
    let server = try ServerProgram(options: ["--event-layer", eventLayer])
    let (alice, bob) = (try server.join(), try server.join())
    try alice.send("/nick alice\n")
    for member in [alice, bob] { try member.expect("* \(alice.localPort) is now alice") }
    let before = server.openDescriptors
    for round in 0..<5 {
      try alice.send("half of \(round)")
      try bob.send("whole\n")
      try alice.expect("\(bob.localPort): whole")
      try server.takeOver(members: 2)
      try alice.send(", and the rest\n")
      try bob.expect("alice: half of \(round), and the rest")
    }
    let carol = try server.join()
    try carol.send("hello\n")
    for member in [alice, bob] { try member.expect("\(carol.localPort): hello") }
    carol.close()
    try eventually("\(before) descriptors; there are \(server.openDescriptors)") { server.openDescriptors == before }
    try server.stop()
    try alice.expectClosed()
  }

  @Test func `A peer that ends no line gets its message said after the pause`() throws {
    let server = try ServerProgram()
    let (raw, member) = (try server.join(), try server.join())
    for _ in 0..<3 {
      try raw.send("hello")
      try server.takeOver(members: 2)
      try member.expect("\(raw.localPort): hello")
    }
  }

  @Test func `What members are to each other survives: away, ignored, muted, operator, private lines`() throws {
    let directory = try TemporaryDirectory()
    let token = directory.file("token")
    try TestSupport.write("a secret token\n", to: token, mode: 0o600)
    let server = try ServerProgram(options: ["--operator-token-file", token])
    let members = try (0..<4).map { _ in try server.join() }
    let (alice, bob, carol, dave) = (members[0], members[1], members[2], members[3])
    for (member, name) in zip(members, ["alice", "bob", "carol", "dave"]) {
      try member.send("/nick \(name)\n")
      for member in members { #expect(try member.expectLine().hasSuffix(" is now \(name)")) }
    }
    try alice.send("/op a secret token\n")
    try alice.expect("* You are an operator now. /help lists what you can do.")
    try bob.send("/away lunch\n")
    try bob.expect("* You are away. /away alone says that you are back.")
    try carol.send("/ignore dave\n")
    try carol.expect("* You ignore dave now.")
    try dave.send("/msg bob hi\n")
    try dave.expect("* Sent to bob, who is away (lunch).")
    try bob.expect("[private] dave: hi")

    try server.takeOver(members: 4)

    try dave.send("anybody?\n")
    for member in [alice, bob] { try member.expect("dave: anybody?") }
    try bob.send("/reply yes\n")
    try bob.expect("* Sent to dave.")
    try dave.expect("[private] bob: yes")
    try alice.send("/mute dave\n")
    for member in members { try member.expect("* dave is muted until they leave.") }

    try server.takeOver(members: 4)

    try dave.send("still here\n")
    try dave.expect("* You are muted; that was not sent.")
    try dave.send("/msg bob and there?\n")
    #expect(try dave.expectLine().hasPrefix("* You are muted"))
    try alice.send("/unmute dave\n")
    for member in members { try member.expect("* dave can speak again.") }
    try carol.send("/ignored\n")
    try carol.expect("* You ignore: dave")
    try alice.send("/who\n")
    try alice.expect("* 4 people are here:")
    let roster = try (0..<4).map { _ in try alice.expectLine() }
    #expect(roster[0].hasPrefix("* alice, ") && roster[0].hasSuffix(", operator"), "\(roster)")
    #expect(roster[1].hasSuffix(", away (lunch)"), "\(roster)")
  }

  @Test func `Members that are held to a rate, and what they have sent, go on at that rate`() throws {
    let server = try ServerProgram(options: ["--rate", "20:5"])
    let (fast, listener) = (try server.join(), try server.join())
    try fast.send((0..<60).map { "line \($0)\n" }.joined() + "exit\n")
    try fast.expect("* You send more than 20 lines a second; your lines go out at that rate, and none is lost.")
    let start = Moment.now
    for round in 0..<60 {
      try listener.expect("\(fast.localPort): line \(round)")
      // How many there are depends on how soon this test reads, because the fast one leaves behind its last line.
      if round % 20 == 10 { try server.program.takeOver(members: nil) }
    }
    #expect(start + .seconds(2) < .now)
    try fast.expectClosed()
  }

  @Test func `One that does not read gets all that waits for it, and the exact count of what it missed`() throws {
    let server = try ServerProgram(options: ["--patience", "0"])
    let slow = try Dialogue(connectingTo: server.address, receiveBuffer: 4096)
    _ = try server.nextPort()
    let (speaker, reader) = (try server.join(), try server.join())
    let filler = String(repeating: "x", count: 900)
    let count = 6000
    for number in 0..<count {
      try speaker.send("\(number) \(filler)\n")
      if number == count / 3 { try speaker.send("/msg \(slow.localPort) for you alone\n") }
      try reader.expect("\(speaker.localPort): \(number) \(filler)")
      // Behind in the middle of the log, within a line, and overtaken.
      if number % 1000 == 999 { try server.takeOver(members: 3) }
    }
    try speaker.send("the end\n")
    var (next, letters, skipped) = (0, 0, 0)
    while true {
      let line = try slow.expectLine()
      if line == "\(speaker.localPort): the end" { break }
      if line == "[private] \(speaker.localPort): for you alone" {
        letters += 1
      } else if line.hasSuffix(" lines skipped") {
        let lines = try #require(Int(line.dropFirst(2).dropLast(" lines skipped".count)))
        (next, skipped) = (next + lines, skipped + lines)
      } else {
        try #require(line == "\(speaker.localPort): \(next) \(filler)")
        next += 1
      }
    }
    #expect(next == count && letters == 1 && skipped > 0, "\(next) lines, \(skipped) of them skipped")
  }

  @Test func `An answer of which a part is sent goes on where it was`() throws {
    let server = try ServerProgram()
    let asker = try Dialogue(connectingTo: server.address, receiveBuffer: 4096)
    _ = try server.nextPort()
    let speaker = try server.join()
    let filler = String(repeating: "x", count: 500)
    for number in 0..<1500 {
      try speaker.send("\(number) \(filler)\n")
      try asker.expect("\(speaker.localPort): \(number) \(filler)")
    }
    try asker.send("/last 1500\n/who\nexit\n")
    // Nothing tells how far the answer is, but it cannot be through before it is read.
    for number in 0..<1500 {
      let line = try asker.expectLine()
      #expect(line.hasSuffix("] \(speaker.localPort): \(number) \(filler)"))
      if number % 300 == 7 { try server.takeOver(members: 2) }
    }
    try asker.expect("* 2 people are here:")
    for _ in 0..<2 { #expect(try asker.expectLine().contains("127.0.0.1:")) }
    try asker.expectClosed()
  }

  @Test func `Those who are leaving get all that was said until then, and the end of the stream`() throws {
    let server = try ServerProgram()
    let leaver = try Dialogue(connectingTo: server.address, receiveBuffer: 4096)
    _ = try server.nextPort()
    let speaker = try server.join()
    // More than the kernel holds for one that does not read.
    let filler = String(repeating: "x", count: 4000)
    for number in 0..<200 { try speaker.send("\(number) \(filler)\n") }
    try speaker.send("/who\n")
    try speaker.expect("* 2 people are here:")
    for _ in 0..<2 { _ = try speaker.expectLine() }
    try leaver.send("exit\n")
    _ = try server.program.waitForLine("the end of a member") { $0.hasPrefix("[DISCONNECTED]") }
    try server.takeOver(members: 1)
    try speaker.send("not for the one that has left\n")
    for number in 0..<200 { try leaver.expect("\(speaker.localPort): \(number) \(filler)") }
    // It lingers from here on, as its own side is still open.
    try leaver.expectClosed()
    try server.takeOver(members: 1)
    leaver.close()
    let last = try server.join()
    try last.send("hello\n")
    try speaker.expect("\(last.localPort): hello")
    try server.takeOver(members: 2)
  }

  @Test func `A Unix socket and its lock stay, and both go at the end`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try ServerProgram(["unix:\(path)", "0"])
    let first = try Dialogue(connectingTo: server.address)
    _ = try server.program.waitForLine("a connection") { $0.hasPrefix("[NEW CONNECTION]") }
    try server.takeOver(members: 1)
    let second = try Dialogue(connectingTo: server.address)
    try second.send("hello\n")
    #expect(try first.expectLine().hasSuffix("/2: hello"))
    let other = try Program(built: "mychatserver", ["unix:\(path)"])
    #expect(try other.waitForExit() == .status(1))
    #expect(other.errorLines.first?.contains("a server is listening there already") == true, "\(other.errorLines)")
    try server.stop()
    #expect(!exists(path) && !exists(path + ".lock"))
  }

  @Test func `The transcript has every line once, stays locked, and SIGHUP opens it anew`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("transcript")
    let server = try ServerProgram(options: ["--transcript", path])
    let member = try server.join()
    for round in 0..<40 {
      try member.send((0..<25).map { "\(round) \($0)\n" }.joined())
      if round % 10 == 5 { try server.takeOver(members: 1) }
    }
    let expected = (0..<1000).map { "\(member.localPort): \($0 / 25) \($0 % 25)" }
    func kept(_ path: String) -> [String] {
      text(ofFile: path).split(separator: "\n").map { String($0.dropFirst(WallTime.textBytes + 1)) }
    }
    try eventually("1,000 lines") { kept(path) == expected }
    #expect(
      try ServerProgram.refusal(of: ["--transcript", path])
        == "[ERROR] Cannot use '\(path)' for the transcript: another server writes it. Stop that, or choose another path."
    )
    #expect(rename(path, path + ".1") == 0)
    server.program.signal(SIGHUP)
    try server.program.waitForLine("[TRANSCRIPT] \(path) was opened anew.")
    try server.takeOver(members: 1)
    try member.send("in the new one\n")
    try eventually("the line") { kept(path) == ["\(member.localPort): in the new one"] }
    // The lines of before are there for those who ask.
    try member.send("/last 2\n")
    #expect(try member.expectLine().hasSuffix("] \(member.localPort): 39 24"))
    #expect(try member.expectLine().hasSuffix("] \(member.localPort): in the new one"))
  }

  @Test func `Bans hold, and the state directory stays this server's`() throws {
    let directory = try TemporaryDirectory()
    let token = directory.file("token")
    try TestSupport.write("a secret token\n", to: token, mode: 0o600)
    let options = ["--operator-token-file", token, "--state-directory", directory.file("state")]
    let server = try ServerProgram(options: options)
    let member = try server.join()
    try member.send("/op a secret token\n/ban mallory 1h noise\n")
    try member.expect("* You are an operator now. /help lists what you can do.")
    try member.expect("* mallory is banned.")
    try server.takeOver(members: 1)
    let other = try server.join()
    try other.send("/nick mallory\n")
    try other.expect("* The name mallory is banned here. Choose another one.")
    #expect(try ServerProgram.refusal(of: options).contains("another server uses it"))
    try member.send("/unban mallory\n")
    try member.expect("* mallory is no longer banned.")
    try server.stop()
    #expect(text(ofFile: directory.file("state") + "/bans") == "# mychat bans\n")
  }

  @Test(.enabled(if: RedisServer.isInstalled))
  func `A room on two servers notices nothing, whichever of them goes on as a new program`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let options = ["--announce", "--redis", redis.url()]
    let servers = [try ServerProgram(options: options), try ServerProgram(options: options)]
    let (alice, bob) = (try servers[0].join(), try servers[1].join())
    try alice.send("/nick alice\n")
    try eventually("bob to hear of alice") {
      String(decoding: try bob.peek(), as: UTF8.self).contains("is now alice\n")
    }
    while try bob.expectLine() != "* \(alice.localPort) is now alice" {}
    var heard: [String] = []
    for round in 0..<30 {
      try alice.send("\(round)\n")
      try bob.send("/msg alice \(round)\n")
      if round % 5 == 2 { try servers[round / 5 % 2].takeOver(members: 1) }
      while heard.count(where: { $0.hasPrefix("alice:") }) <= round { heard.append(try bob.expectLine()) }
    }
    while heard.count(where: { $0 == "* Sent to alice." }) < 30 { heard.append(try bob.expectLine()) }
    #expect(heard.filter { $0.hasPrefix("alice:") } == (0..<30).map { "alice: \($0)" })
    let isExpected = { (line: String) in
      line.hasPrefix("alice:") || line == "* Sent to alice." || line.hasSuffix(" joined")
    }
    #expect(heard.allSatisfy(isExpected), "\(heard)")
    var told: [String] = []
    while told.count < 30 {
      let line = try alice.expectLine()
      if line.hasPrefix("[private] ") { told.append(line) }
      #expect(!line.hasSuffix(" left"), "\(line)")
    }
    #expect(told == (0..<30).map { "[private] \(bob.localPort): \($0)" })
  }
}
