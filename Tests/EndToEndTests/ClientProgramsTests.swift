import ChatWire
import Glibc
import TestSupport
import Testing

/// The client as a part of other programs: JSON, and options that go together.
@Suite(.timeLimit(.minutes(10))) struct ClientProgramsTests {
  @Test func `Each received line is a JSON object`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--json"])
    let connection = try server.accept()
    try connection.send("7: say \"hi\" \\ \té\n* 7 has left\nno name here\n")
    try client.write("typed\n")
    try connection.expectAll("typed\n")
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    let time = "\"time\":\"TIME\","
    let lines = client.outputLines.map {
      $0.replacing(/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z/, with: "TIME")
        .replacing(/"from":"[0-9]{4,5}"/, with: "\"from\":\"OWN\"")
    }
    #expect(
      lines == [
        "{\(time)\"from\":\"OWN\",\"text\":\"Connected to chat server. Type 'exit' to leave.\",\"kind\":\"connected\"}",
        "{\(time)\"from\":\"7\",\"text\":\"say \\\"hi\\\" \\\\ \\té\",\"kind\":\"message\"}",
        "{\(time)\"from\":null,\"text\":\"7 has left\",\"kind\":\"notice\"}",
        "{\(time)\"from\":null,\"text\":\"no name here\",\"kind\":\"message\"}",
        "{\(time)\"from\":\"OWN\",\"text\":\"[DISCONNECTED] Server connection lost.\",\"kind\":\"disconnected\"}",
      ])
  }

  @Test func `Where one's own name is not known, an object names nobody`() throws {
    let directory = try TemporaryDirectory()
    let address = "unix:\(directory.file("chat.sock"))"
    let server = try ServerProgram([address])
    let client = try Program(built: "mychatclient", [address, "--json"], input: .nothing)
    #expect(try client.waitForExit() == .status(0))
    #expect(client.outputLines.count == 2 && client.outputLines.allSatisfy { $0.contains("\"from\":null,") })
    withExtendedLifetime(server) {}
  }

  @Test(arguments: [
    ["--send", "x", "--json"], ["--send", "x", "--reconnect"], ["--history", "f", "--no-history"],
  ])
  func `What makes no sense together is wrong usage`(options: [String]) throws {
    let client = try Program(built: "mychatclient", options)
    #expect(try client.waitForExit() == .status(64))
    #expect(client.errorLines.count == 1 && client.errorLines[0].hasPrefix("[ERROR] "))
  }
}
