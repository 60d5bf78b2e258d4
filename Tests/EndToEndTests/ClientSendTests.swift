import ChatWire
import Glibc
import TestSupport
import Testing

/// `--send`: one line from a script, and a status that says what became of it.
@Suite(.timeLimit(.minutes(10))) struct ClientSendTests {
  @Test func `One line is sent, and the client leaves when the server has it`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "the build is done ✓"])
    let port = try server.nextPort()
    #expect(try client.waitForExit() == .status(0))
    try member.expect("\(port): the build is done ✓")
    #expect(client.output == [] && client.errors == [])
  }

  @Test(arguments: ["- item", "--json", "-1"]) func `A line that looks like an option is sent`(line: String) throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port), "--prompt", "-> ", "--send", line])
    let port = try server.nextPort()
    #expect(try client.waitForExit() == .status(0))
    try member.expect("\(port): \(line)")
  }

  @Test func `A server that knows no framing gets the line, and reads exactly exit after it`() throws {
    // Where the machine is busy the server may receive both together, and then nothing tells them apart.
    let areApart = try (0..<5).contains { _ in
      let server = try RawServer()
      let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
      #expect(try client.waitForExit() == .status(0))
      #expect(client.output == [] && client.errors == [])
      let messages = server.messages.map(\.text)
      #expect(messages.joined() == "hi\nexit")
      return messages == ["hi\n", "exit"]
    }
    #expect(areApart)
  }

  @Test func `A server that only closes when it reads exit has the line`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    let connection = try server.accept()
    try connection.expectAll("hi\nexit")
    connection.close()
    #expect(try client.waitForExit() == .status(0))
    #expect(client.output == [] && client.errors == [])
  }

  @Test func `A host that does not answer is given up`() throws {
    let server = try BusyListener()
    let began = ContinuousClock.now
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    #expect(try client.waitForExit() == .status(1))
    #expect(ContinuousClock.now - began < .seconds(20), "the kernel would try for two minutes")
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains("does not answer"))
  }

  @Test func `A line that the server may not have had is a failure`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    let connection = try server.accept()
    try eventually("the line to be there") { try connection.hasSomething }
    // It closes with the line unread, and so resets.
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains("may or may not have arrived"))
  }

  @Test func `A server that closes before it has the line is a failure`() throws {
    let server = try ScriptedServer()
    // The peer's end and the line may cross on their way, or not.
    for _ in 0..<20 {
      let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
      try server.accept().close()
      #expect(try client.waitForExit() == .status(1))
      #expect(client.errorLines.count == 1 && client.errorLines[0].contains("may or may not have arrived"))
    }
  }

  @Test(arguments: [
    ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request"),
    ("\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{32}", "^U^C^C^@^B^B2"), ("SSH-2.0-x\r\n", "SSH-2.0-x"),
    ("<!DOCTYPE HTML>\n<html lang=\"en\">\n<p>Error code: 400</p>\n", "<!DOCTYPE HTML>"),
    ("<html><body><h1>400</h1></body></html>", "<html><body><h1>400</h1></body></html>"),
    ("-ERR unknown command 'hi'\r\n", "-ERR unknown command 'hi'"), ("220 mail ready\r\n", "220 mail ready"),
    ("+PONG\r\n", "+PONG"), ("ERROR\r\n", "ERROR"), ("+OK POP3 ready\r\n", "+OK POP3 ready"),
    ("INFO {\"port\":4222}\r\n", "INFO {\"port\":4222}"), ("200 news ready\r\n", "200 news ready"),
    ("RFB 003.008\n", "RFB 003.008"), (":irc NOTICE * :*** Hello\r\n", ":irc NOTICE * :*** Hello"),
    ("{\"error\": 400}\n", "{\"error\": 400}"), ("Welcome\r\n+OK\r\n", "+OK"),
  ])
  func `A peer that is no chat server is a failure, told in its words`(answer: String, words: String) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    let connection = try server.accept()
    try connection.expect("hi")
    try connection.send(answer)
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    #expect(client.output == [] && client.errorLines.count == 1)
    #expect(client.errorLines.first?.contains("There is no chat server on") == true)
    #expect(client.errorLines.first?.hasSuffix("says: \(words)") == true)
  }

  @Test func `A line that the server refuses is a failure, told in the server's words`() throws {
    let server = try ServerProgram()
    let client = try Program(
      built: "mychatclient", [String(server.port), "--send", String(repeating: "x", count: 8193)])
    #expect(try client.waitForExit() == .status(1))
    #expect(client.output == [])
    #expect(client.errorLines.count == 1 && client.errorLines[0].hasPrefix("[ERROR] "))
    #expect(client.errorLines[0].hasSuffix("That line is longer than 8192 bytes; it was not sent."))
  }

  @Test(arguments: ["* Server is full\n", "7: hi\n* Server is full\n", "* Server is full"])
  func `A server that has no room is a failure, told in the server's words`(answer: String) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    let connection = try server.accept()
    try connection.send(answer)
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].hasSuffix(": Server is full"))
  }

  @Test(arguments: [
    "7: * Server is full", "no name * here", " * indented", "*no space", "7: a\r* b", "* 3 lines skipped",
    "<bob> hi", "7: see\n<html>", "2200: hi",
    "7: " + String(repeating: "a", count: 65_533) + "* a piece of a long line",
  ])
  func `What others say meanwhile is no refusal, however it looks`(line: String) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    let connection = try server.accept()
    try connection.send(line + "\n")
    try connection.expect("hi")
    // It does not close, because that would be a reset where `exit` has come meanwhile.
    try connection.finishSending()
    #expect(try client.waitForExit() == .status(0))
    #expect(client.output == [] && client.errors == [])
    withExtendedLifetime(connection) {}
  }

  @Test(arguments: [false, true]) func `A peer that never confirms is given up`(talks: Bool) throws {
    let server = try ScriptedServer()
    let began = ContinuousClock.now
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    let connection = try server.accept()
    try connection.expect("hi")
    try eventually("the client to give up") {
      if talks { try? connection.send("7: still here\n") }
      return client.hasEnded
    }
    #expect(ContinuousClock.now - began > .seconds(4), "a slow server has its time")
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains("did not confirm the line within 5 s"))
  }

  @Test(arguments: [
    ([], "did not confirm the line within 5 s, because it has lost its link"),
    (["--name", "ci"], "the line was not sent"),
  ])
  func `A server that has lost its link to others is said to have`(options: [String], says: String) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"] + options)
    let connection = try server.accept()
    try connection.send("* The link to the other servers is down; what you send waits.\n")
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains(says), "\(client.errorLines)")
    withExtendedLifetime(connection) {}
  }

  @Test func `A server that never pauses is given up too`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "hi"])
    let connection = try server.accept()
    let flood = Array(String(repeating: "7: hello\n", count: 5000).utf8)
    let began = ContinuousClock.now
    try eventually("the client to give up") {
      // In several pieces, so that the client finds something whenever it looks.
      for _ in 0..<50 { _ = try? connection.sendWithoutWaiting(flood[...]) }
      return client.hasEnded || ContinuousClock.now - began > .seconds(12)
    }
    #expect(client.hasEnded)
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains("did not confirm the line within 5 s"))
  }

  @Test(arguments: ["", "  ", "exit", " EXIT ", "a\nb", "a\rb"]) func `What is no line to send is wrong usage`(
    text: String
  ) throws {
    let client = try Program(built: "mychatclient", ["--send", text])
    #expect(try client.waitForExit() == .status(64))
    #expect(client.errorLines.count == 1 && client.errorLines[0].hasPrefix("[ERROR] --send "))
  }

  @Test func `A line under a name is said once the server has given the name`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--name", "alice", "--send", "hi"])
    let connection = try server.accept()
    try connection.expect("\t \t")
    try connection.send("* Welcome\n9: hello\n* Here: 7, bob\n* Here: carol.\n")
    try connection.expect("/nick alice")
    try connection.expect("\t \t")
    try connection.send("* bob is now robert\n* dave joined\n* 9 was kicked by carol.\n* 7 is now alice\n")
    try connection.expectAll("hi\nexit")
    try connection.finishSending()
    #expect(try client.waitForExit() == .status(0))
    #expect(client.output == [] && client.errors == [])
  }

  @Test func `A refused name fails, and the line is not said`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--name", "alice", "--send", "hi"])
    let connection = try server.accept()
    try connection.send("* Here: 7.\n* 9 was kicked by carol.\n* alice is taken; alice2 is free.\n* Here: 7, 9.\n")
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].hasSuffix(": alice is taken; alice2 is free."))
    #expect(try !String(decoding: connection.receiveAll(), as: UTF8.self).contains("hi"))
  }

  @Test func `A line that waits for a name that nobody gives was not sent`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--name", "alice", "--send", "hi"])
    let connection = try server.accept()
    try connection.send("* Here: 7.\n")
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1)
    #expect(client.errorLines.joined().contains("the line was not sent"), "\(client.errorLines)")
    #expect(try !String(decoding: connection.receiveAll(), as: UTF8.self).contains("hi"))
  }

  @Test(arguments: [["--send", "/me waves"], ["--name", "alice", "--send", "hi"]])
  func `A server that does not know names is not sent what only others understand`(options: [String]) throws {
    let server = try RawServer()
    let client = try Program(built: "mychatclient", [String(server.port)] + options)
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1)
    #expect(client.errorLines.joined().contains("does not know names"), "\(client.errorLines)")
    #expect(server.messages.map(\.text) == ["\t \t\n"])
  }

  @Test(arguments: ["/who", "/msg bob hi", "/nosuch", "/me"]) func `A command is wrong usage`(line: String) throws {
    let client = try Program(built: "mychatclient", ["--send", line], input: .nothing)
    #expect(try client.waitForExit() == .status(64))
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains("takes no command but /me TEXT"))
  }
}
