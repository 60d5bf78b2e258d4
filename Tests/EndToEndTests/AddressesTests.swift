import ChatWire
import Glibc
import TestSupport
import Testing

/// Every kind of address, on the server's side and on the client's.
@Suite(.timeLimit(.minutes(10))) struct AddressesTests {
  @Test func `Several addresses are one room`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try ServerProgram(["0", "[::1]:0", "unix:\(path)", "localhost:0"])
    #expect(server.addresses[2] == .unix(path: path))
    guard case .internet("::1", let port) = server.addresses[1], port != 0 else {
      Issue.record("\(server.addresses[1]) is not ::1 with a port")
      return
    }

    var members: [Dialogue] = []
    for address in server.addresses {
      members.append(try Dialogue(connectingTo: address))
      _ = try server.program.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
    }
    #expect(server.program.outputLines.contains("[NEW CONNECTION] ('::1', \(members[1].localPort)) connected."))
    for (index, speaker) in members.enumerated() {
      try speaker.send("from \(index)\n")
      for (other, listener) in members.enumerated() where other != index {
        let line = try listener.expectLine()
        #expect(line.hasSuffix(": from \(index)"))
        if index != 2 { #expect(line.hasPrefix("\(speaker.localPort): ")) }
        let name = line.prefix { $0 != ":" }
        #expect(!name.isEmpty && !name.contains { "*/ ".contains($0) })
      }
    }
  }

  @Test(arguments: ["[::1]:0", "localhost:0", "unix:"]) func `The client finds the server under the address it printed`(
    address: String
  ) throws {
    let directory = try TemporaryDirectory()
    let server = try ServerProgram([address == "unix:" ? "unix:\(directory.file("s"))" : address])
    let client = try Program(built: "mychatclient", [server.address.description])
    _ = try server.program.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
    let member = try Dialogue(connectingTo: server.address)
    _ = try server.program.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
    try client.write("hello\n")
    #expect(try member.expectLine().hasSuffix(": hello"))
    try member.send("welcome\n")
    _ = try client.waitForLine("the answer") { $0.hasSuffix(": welcome") }
    try client.write("exit\n")
    #expect(try client.waitForExit() == .status(0))
  }

  @Test func `The socket file is removed when the server stops`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try ServerProgram(["unix:\(path)"])
    #expect(exists(path))
    server.program.signal(SIGTERM)
    #expect(try server.program.waitForExit() == .status(0))
    #expect(!exists(path))
  }

  @Test func `The socket file of a dead server gives way`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let first = try ServerProgram(["unix:\(path)"])
    first.program.signal(SIGKILL)
    #expect(try first.program.waitForExit() == .signal(SIGKILL))
    #expect(exists(path))
    let second = try ServerProgram(["unix:\(path)"])
    let member = try Dialogue(connectingTo: second.address)
    try member.send("exit\n")
    try member.expectClosed()
  }

  @Test func `The socket of a living server is in use, and stays its own`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let first = try ServerProgram(["unix:\(path)"])
    let second = try Program(built: "mychatserver", ["unix:\(path)"])
    #expect(try second.waitForExit() == .status(1))
    #expect(second.errorLines.count == 1)
    #expect(try #require(second.errorLines.first).contains("listening there already"))
    let member = try Dialogue(connectingTo: first.address)
    try member.send("exit\n")
    try member.expectClosed()
  }

  @Test func `A file that is no socket is never removed`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("notes.txt")
    close(open(path, O_CREAT | O_WRONLY, 0o600))
    let server = try Program(built: "mychatserver", ["unix:\(path)"])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.errorLines.count == 1)
    #expect(exists(path))
  }
}
