import ChatWire
import Glibc
import TestSupport
import Testing

/// The client as a part of other programs: JSON, and every way in which a pipe or a terminal ends.
@Suite(.timeLimit(.minutes(2))) struct ClientProgramsTests {
  @Test func `Each received line is a JSON object`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--json"])
    let connection = try server.accept()
    try connection.send("7: say \"hi\" \\ \té\n* 7 has left\nno name here\n")
    try client.write("typed\n")
    try connection.expect("typed\n")
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

  @Test(arguments: [
    ["--send", "x", "--json"], ["--send", "x", "--reconnect"], ["--history", "f", "--no-history"],
  ])
  func `What makes no sense together is wrong usage`(options: [String]) throws {
    let client = try Program(built: "mychatclient", options)
    #expect(try client.waitForExit() == .status(64))
    #expect(client.errorLines.count == 1 && client.errorLines[0].hasPrefix("[ERROR] "))
  }

  @Test func `Whoever has read enough ends it without noise, within a second`() throws {
    let server = try ScriptedServer()
    let client = "'\(try Program.built("mychatclient"))' \(server.port)"
    let shell = try Program("/bin/sh", ["-c", "cat | { \(client); echo $? >&2; } | head -1"])
    let connection = try server.accept()
    let began = ContinuousClock.now
    try connection.send("1: a\n")
    try eventually("the client's status on standard error") {
      shell.readWhatIsThere()
      return !shell.errors.isEmpty
    }
    #expect(ContinuousClock.now - began < .seconds(5), "a machine that is busy has some more")
    #expect(shell.outputLines == ["Connected to chat server. Type 'exit' to leave."])
    #expect(shell.errorLines == ["1"])
    shell.closeInput()
  }

  @Test func `A full disk is an error with status 1`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port)], output: .file("/dev/full"))
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains("No space left on device"))
  }

  @Test(arguments: [[], ["--plain"]]) func `A terminal that is closed ends it`(options: [String]) throws {
    let server = try ScriptedServer()
    var terminal: Pty? = try Pty()
    let client = try Program(
      built: "mychatclient", [String(server.port)] + options, on: try #require(terminal))
    let connection = try server.accept()
    try terminal?.waitForEditing()
    terminal = nil
    let exit = try client.waitForExit()
    // Up to here the server is there.
    connection.close()
    #expect(exit == .signal(SIGHUP) || exit == .status(1))
  }
}
