import ChatWire
import Glibc
import TestSupport
import Testing

/// Who members on a Unix socket are, from one program to the next.
@Suite(.timeLimit(.minutes(10))) struct TakeOverLoginTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.file("s") }
  /// The login of whoever runs the tests, as members are called by it.
  private let login: String

  init() throws {
    directory = try TemporaryDirectory()
    let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? ""
    // One that could be no name is shown by its number.
    login = name.utf8.allSatisfy { $0.isLetter || $0.isDigit } && !name.isEmpty ? name : "uid-\(geteuid())"
  }

  private func join(_ server: ServerProgram, as name: String) throws -> Dialogue {
    let member = try Dialogue(connectingTo: .unix(path: path))
    try member.send("/nick\n")
    var line = try member.expectLine()
    if line == "* You are an operator now. /help lists what you can do." { line = try member.expectLine() }
    #expect(line == "* You are \(name) already.")
    return member
  }

  @Test func `Logins, their counts and the rights of operators stay, and nobody else gets the name`() throws {
    let server = try ServerProgram(["0", "unix:\(path)"], options: ["--operator", login])
    let port = try server.join()
    let (first, second) = (try join(server, as: login), try join(server, as: "\(login)/2"))
    try second.send("/nick carol\n")
    for member in [port, first, second] { try member.expect("* \(login)/2 is now carol") }
    try server.takeOver(members: 3)

    let third = try join(server, as: "\(login)/3")
    try first.send("/who\n")
    try first.expect("* 4 people are here:")
    let roster = try (0..<4).map { _ in try first.expectLine() }
    for (line, start) in zip(roster, ["carol, login \(login)", "\(login), login", "\(login)/3, login"]) {
      #expect(line.hasPrefix("* \(start), since ") && line.hasSuffix(", operator"), "\(roster)")
    }
    try port.send("/nick \(login)\n")
    #expect(try port.expectLine().contains("login"))
    try first.send("/mute \(port.localPort)\n")
    for member in [port, first, second, third] {
      try member.expect("* \(port.localPort) is muted until they leave.")
    }
    // The name that it gives back and those of who have gone are the next ones.
    try second.send("/nick\n")
    for member in [port, first, second, third] { try member.expect("* carol is now \(login)/2") }
    let descriptors = server.openDescriptors
    third.close()
    try eventually("one connection less") { server.openDescriptors == descriptors - 1 }
    try server.takeOver(members: 3)
    _ = try join(server, as: "\(login)/3")
  }

  @Test func `Whose login is known is called by it, although the system does not answer any more`() throws {
    let isAway = directory.file("accounts-are-away")
    let environment = ["LD_PRELOAD": try Program.built("libFailingCalls.so"), "NO_ACCOUNTS_WHILE": isAway]
    let server = try Program(built: "mychatserver", ["unix:\(path)"], environment: environment)
    _ = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING]") }
    let first = try Dialogue(connectingTo: .unix(path: path))
    _ = try server.waitForLine("a member") { $0.hasPrefix("[NEW CONNECTION]") }
    try TestSupport.write("", to: isAway)
    try server.takeOver(members: 1)
    let second = try Dialogue(connectingTo: .unix(path: path))
    try second.send("hello\n")
    try first.expect("\(login)/2: hello")
    unlink(isAway)
  }

  @Test func `Who waits for a login or for a name meanwhile gets it, and nobody is lost`() throws {
    let isAway = directory.file("accounts-are-away")
    let environment = ["LD_PRELOAD": try Program.built("libFailingCalls.so"), "NO_ACCOUNTS_WHILE": isAway]
    let server = try Program(built: "mychatserver", ["0", "unix:\(path)"], environment: environment)
    let prefix = "[LISTENING] Server is listening on "
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix(prefix) }
    let address = try Address(parsing: String(line.dropFirst(prefix.count)))
    let (asker, listener) = (try Dialogue(connectingTo: address), try Dialogue(connectingTo: address))
    for _ in 0..<2 { _ = try server.waitForLine("a member") { $0.hasPrefix("[NEW CONNECTION]") } }

    try TestSupport.write("", to: isAway)
    let arrivals = try (0..<2).map { _ in try Dialogue(connectingTo: .unix(path: path)) }
    for arrival in arrivals { try arrival.send("hello\n") }
    try asker.send("/nick nobodyhere\nhi\n")
    // On a slow machine those who wait may be in the room by then.
    try server.takeOver(members: nil)
    unlink(isAway)

    // What was waited for may have come too late on a busy machine.
    let answers = ["* \(asker.localPort) is now nobodyhere", "* That name could not be checked; try again later."]
    var answer = ""
    while !answers.contains(answer) { answer = try asker.expectLine() }
    let name = answer == answers[0] ? "nobodyhere" : "\(asker.localPort)"
    var heard: [String] = []
    while heard.count < 3 {
      let line = try listener.expectLine()
      if !line.hasSuffix(" is now nobodyhere") { heard.append(line) }
    }
    let names = [[login, "\(login)/2"], ["uid-\(geteuid())", "uid-\(geteuid())/2"]]
    #expect(names.map { Set($0.map { "\($0): hello" } + ["\(name): hi"]) }.contains(Set(heard)), "\(heard)")
  }
}

extension UInt8 {
  fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
