import ChatWire
import Glibc
import TestSupport
import Testing

/// What the client adds to libedit's keys: pasted blocks, words, names, search, history.
@Suite(.timeLimit(.minutes(10))) struct ClientKeysTests {
  private let server: ServerProgram
  private let member: Dialogue
  private let directory: TemporaryDirectory

  init() throws {
    server = try ServerProgram()
    member = try server.join()
    directory = try TemporaryDirectory()
  }

  private func start(_ options: [String] = [], home: String? = nil) throws -> (Program, Pty, port: UInt16) {
    let terminal = try Pty()
    let environment = home.map { ["XDG_STATE_HOME": "\($0)/state", "HOME": $0] } ?? [:]
    let client = try Program(
      built: "mychatclient", [String(server.port)] + options, environment: environment, on: terminal)
    let port = try server.nextPort()
    return (client, terminal, port)
  }

  private func paste(_ text: String) -> String { "\u{1B}[200~\(text)\u{1B}[201~" }

  @Test func `A pasted block is kept as lines, and its end is left to be edited`() throws {
    let (client, terminal, port) = try start()
    try terminal.type("ab\u{1B}[D" + paste("1\r2\tx\r\n3") + "-")
    try member.expect("\(port): a1")
    try member.expect("\(port): 2\tx")
    try terminal.type("\r")
    try member.expect("\(port): 3-b")
    client.signal(SIGTERM)
  }

  @Test func `A long block is asked about, and goes out whole or not at all`() throws {
    let (client, terminal, port) = try start()
    let block = (1...12).map { "line \($0)" }.joined(separator: "\r")
    try terminal.type("half" + paste(block))
    try terminal.waitForLine("Send 12 lines? [y/N]")
    try member.send("meanwhile\n")
    try terminal.waitForLine("\(member.localPort): meanwhile")
    try terminal.type("n")
    try terminal.waitForScreen("the half line") { $0.lines.last == "half" }
    try terminal.type(" " + paste(block))
    try terminal.waitForLine("Send 12 lines? [y/N]")
    try terminal.type("y")
    try member.expect("\(port): half line 1")
    for number in 2...12 { try member.expect("\(port): line \(number)") }
    client.signal(SIGTERM)
  }

  @Test func `Nobody is asked about a short block, nor without the guard`() throws {
    for (options, count) in [([], 5), (["--no-paste-guard"], 12)] {
      let (client, terminal, port) = try start(options)
      try terminal.type(paste((1...count).map { "line \($0)\r" }.joined()))
      for number in 1...count { try member.expect("\(port): line \(number)") }
      #expect(!terminal.screen.text.contains("Send"))
      client.signal(SIGTERM)
    }
  }

  @Test func `Nothing in a block is taken for a key`() throws {
    let (client, terminal, port) = try start()
    try terminal.type(paste("a\u{1B}[A\u{3}\u{4}\u{15}b") + "\r")
    try member.expect("\(port): a^[[A^C^D^Ub")
    client.signal(SIGTERM)
  }

  @Test func `Ctrl and Alt with the arrows move by words`() throws {
    let (client, terminal, port) = try start()
    try terminal.type("one two three\u{1B}[1;5D\u{1B}[1;3D>\u{1B}[1;5C<\r")
    try member.expect("\(port): one >two< three")
    client.signal(SIGTERM)
  }

  @Test func `Tab completes a name that was seen, and addresses it at the start of a line`() throws {
    let (client, terminal, port) = try start()
    let name = String(member.localPort)
    try member.send("I am here\n")
    try terminal.waitForLine("\(name): I am here")
    try terminal.type(String(name.dropLast()) + "\thi and \(name.dropLast(2))\t\r")
    try member.expect("\(port): \(name): hi and \(name)")
    try terminal.type("@\(name.dropLast())\tand so on for @\(name.dropLast())\t.\r")
    try member.expect("\(port): @\(name) and so on for @\(name).")
    client.signal(SIGTERM)
  }

  @Test func `A Tab that has nothing to complete rings, and puts nothing in`() throws {
    let (client, terminal, port) = try start()
    let name = String(member.localPort)
    try terminal.type("no name\tso\t \t\(name)\t\r")
    try member.expect("\(port): no nameso \(name)")
    terminal.readWhatIsThere()
    #expect(terminal.bytes.count { $0 == 7 } >= 3)
    client.signal(SIGTERM)
  }

  @Test func `Tab on an empty line shows who is here, and leaves it empty`() throws {
    let (client, terminal, port) = try start()
    try terminal.type("\t")
    try terminal.waitForLine([String(port), String(member.localPort)].sorted().joined(separator: "  "))
    try terminal.type("hi\r")
    try member.expect("\(port): hi")
    client.signal(SIGTERM)
  }

  @Test func `Tab shows the names if there are several, and leaves the line as it is`() throws {
    let server = try ScriptedServer()
    let terminal = try Pty(rows: 24, columns: 80)
    let client = try Program(built: "mychatclient", [String(server.port), "--color", "never"], on: terminal)
    let connection = try server.accept()
    try connection.send("anne: a\nbob: b\nanna: c\n" + (0..<60).map { "x\(100 + $0): d\n" }.joined())
    try terminal.waitForLine("x159: d")
    try terminal.type("hello a\t, or\u{1B}[D\u{1B}[D\u{1B}[D\u{1B}[D\t")
    try terminal.waitForScreen("the names, and the line below them") {
      $0.lines.suffix(3) == ["x159: d", "anna  anne", "hello ann, or"]
    }
    try terminal.type("a\u{5}!\rx\t\t")
    // At the first Tab the client asks who is here, which this server does not answer.
    try connection.expectAll("\t \t\nhello anna, or!\n")
    try terminal.waitForScreen("a part of many names") {
      $0.lines.last == "x1" && $0.text.contains("x148  x149  and 10 more")
    }
    client.signal(SIGTERM)
  }

  @Test(arguments: [
    // Kills that join, and what was killed before.
    ("one two three\u{17}\u{17}\u{19}!", "one two three!"), ("one\u{15}two\u{15}\u{19}\u{1B}y!", "one!"),
    ("one two\u{1}\u{B}\u{19}\u{19}", "one twoone two"), ("see a/b-c\u{17}x", "see x"),
    ("see a/b-c\u{1B}\u{7F}x", "see a/b-x"),
    ("one two\u{1}\u{1B}d!", "! two"), ("one two\u{1B}t", "two one"),
    // Undo: a word, a kill, what a key brought back.
    ("one two\u{1F}three", "one three"), ("one two\u{15}\u{1F}", "one two"), ("keep\u{17}\u{18}\u{15}", "keep"),
    ("ab\u{1B}[200~ pasted stuff\u{1B}[201~\u{1F}", "ab"), ("foo bar\u{17}\u{19}\u{19}\u{1F}", "foo bar"),
    ("foo bar\u{17}x\u{7F}\u{17}\u{19}", "foo "), ("foo bar\u{1B}b\u{B}\u{15}\u{19}", "foo bar"),
    // As often as a number says.
    ("abcdef\u{1B}3\u{2}X", "abcXdef"), ("abcdef\u{1B}3\u{1B}[DX", "abcXdef"), ("abcdef\u{1B}3\u{7F}X", "abcX"),
    ("a b c d\u{1B}2\u{17}X", "a b X"), ("abcdef\u{1}\u{1B}2\u{4}X", "Xcdef"),
    ("abcdefghijklmn\u{1B}12\u{2}X", "abXcdefghijklmn"),
    ("ab\u{1B}\u{1B}\u{1B}[DX", "Xab"),
    // The last words of the lines before.
    ("x \u{1B}.", "x last"), ("x \u{1B}.\u{1B}.", "x word"), ("x \u{1B}.\u{1B}.\u{1B}.", "x word"),
    ("x \u{1B}.\u{7F}t\u{1B}.", "x lastlast"),
  ])
  func `Kills, undo and words are as in bash`(keys: String, line: String) throws {
    let (client, terminal, port) = try start(["--no-history"])
    for text in ["some word", "the last"] {
      try terminal.type(text + "\r")
      try member.expect("\(port): \(text)")
    }
    try terminal.type(keys + "\r")
    try member.expect("\(port): \(line)")
    client.signal(SIGTERM)
  }

  @Test func `Ctrl-R searches what was typed`() throws {
    let (client, terminal, port) = try start()
    try terminal.type("a needle in it\rhay\r")
    try member.expect("\(port): a needle in it")
    try member.expect("\(port): hay")
    try terminal.type("\u{12}need")
    try terminal.waitForScreen("the line that was found") { $0.lines.dropLast().last == "a needle in it" }
    try terminal.type("\u{5}!\r")
    try member.expect("\(port): a needle in it!")
    client.signal(SIGTERM)
  }

  @Test(arguments: [
    ("\u{1B}[A", "a hay!"), ("\u{1B}OA", "a hay!"), ("\u{1B}[B", "hay two!"), ("\u{1B}[C", "a n!eedle"),
    ("\u{1B}[D", "a! needle"), ("\u{1B}[H", "!a needle"), ("\u{1B}OF", "a needle!"), ("\u{1B}[3~", "a !eedle"),
    ("\u{1B}f", "a needle!"), ("\u{1B}b", "!a needle"), ("\u{1B}[1;5C", "a needle!"), ("\u{1B}[15~", "a !needle"),
    ("\u{1B}", "a !needle"), ("\t", "a !needle"),
  ])
  func `A key that means something ends a search and acts, and one that means nothing only ends it`(
    key: String, line: String
  ) throws {
    let (client, terminal, port) = try start()
    for text in ["a hay", "a needle", "hay two"] {
      try terminal.type(text + "\r")
      try member.expect("\(port): \(text)")
    }
    try terminal.type("\u{12}need")
    try terminal.waitForScreen("the line that was found") { $0.lines.suffix(2) == ["a needle", "bck:need"] }
    try terminal.type(key)
    try terminal.waitForScreen("the end of the search") { !$0.text.contains("bck:") }
    try terminal.type("!\r")
    try member.expect("\(port): \(line)")
    client.signal(SIGTERM)
  }

  @Test func `Ctrl-S searches onwards after Ctrl-R`() throws {
    let (client, terminal, port) = try start()
    try terminal.type("needle one\rneedle two\rhay\r")
    for text in ["needle one", "needle two", "hay"] { try member.expect("\(port): \(text)") }
    func waitForFound(_ line: String) throws {
      try terminal.waitForScreen("the line that was found") { $0.lines.dropLast().last == line }
    }
    try terminal.type("\u{12}needle")
    try waitForFound("needle two")
    try terminal.type("\u{12}")
    try waitForFound("needle one")
    // The first turns libedit round, on the line where it is.
    try terminal.type("\u{13}\u{13}")
    try waitForFound("needle two")
    try terminal.type("\u{5}!\r")
    try member.expect("\(port): needle two!")
    client.signal(SIGTERM)
  }

  @Test(arguments: [[], ["--plain"]]) func `Ctrl-S stops nothing, and a signal still ends the client`(
    options: [String]
  ) throws {
    let (client, terminal, port) = try start(options)
    try terminal.type("\u{13}")
    try member.send("one\ntwo\n")
    if options.isEmpty {
      try terminal.waitForLine("\(member.localPort): two")
    } else {
      try terminal.type("\u{15}x\r")
      try member.expect("\(port): x")
      try terminal.waitForLine("\(member.localPort): two")
    }
    try terminal.type("half\u{13}")
    try member.send("three\n")
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
  }

  @Test func `Lines come back in the next session, but for those that begin with a space`() throws {
    let (first, terminal, port) = try start(home: directory.path)
    try terminal.type("kept\r secret\rkept too\rkept too\rexit\r")
    for text in ["kept", " secret", "kept too", "kept too"] { try member.expect("\(port): \(text)") }
    #expect(try first.waitForExit() == .status(0))

    var status = stat()
    #expect(stat(directory.file("state/mychat/history"), &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(stat(directory.file("state/mychat"), &status) == 0 && status.st_mode & 0o777 == 0o700)
    let (second, again, secondPort) = try start(home: directory.path)
    try again.type("\u{1B}[A\u{1B}[A!\r")
    try member.expect("\(secondPort): kept!")
    second.signal(SIGTERM)
  }

  @Test func `No line is kept when that is not wanted`() throws {
    let (client, terminal, port) = try start(["--no-history"], home: directory.path)
    try terminal.type("hi\rexit\r")
    try member.expect("\(port): hi")
    #expect(try client.waitForExit() == .status(0))
    #expect(!exists(directory.file("state")))
  }

  @Test func `A history that cannot be kept is told, and the chat goes on`() throws {
    let (client, terminal, port) = try start(["--history", directory.file("not/there")])
    try terminal.waitForScreen("the error") { $0.text.contains("[ERROR] Cannot keep history in") }
    try terminal.type("hi\r")
    try member.expect("\(port): hi")
    client.signal(SIGTERM)
  }

  @Test func `A file that is no history is told, and left as it is`() throws {
    let path = directory.file("notes")
    let file = FileDescriptor(owning: open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644))
    #expect(StandardOutput.write("my notes\n", to: file.number) == nil && fchmod(file.number, 0o644) == 0)
    let (client, terminal, port) = try start(["--history", path])
    try terminal.waitForScreen("the error") { $0.text.contains("[ERROR] Cannot keep history in \(path)") }
    try terminal.type("hi\rexit\r")
    try member.expect("\(port): hi")
    #expect(try client.waitForExit() == .status(0))
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o644 && status.st_size == 9)
  }

  @Test func `As many lines come back as are kept`() throws {
    let options = ["--history", directory.file("history"), "--history-size", "2"]
    let (first, terminal, port) = try start(options)
    try terminal.type("one\rtwo\rthree\rexit\r")
    for text in ["one", "two", "three"] { try member.expect("\(port): \(text)") }
    #expect(try first.waitForExit() == .status(0))
    let (second, again, secondPort) = try start(options)
    try again.type("\u{1B}[A\u{1B}[A\u{1B}[A!\r")
    try member.expect("\(secondPort): two!")
    second.signal(SIGTERM)
  }

  @Test(arguments: ["bind -v\n", "bind -e\nbind ^X^A ed-move-to-beg\n"])
  func `A person's own way of editing leaves the client its keys`(settings: String) throws {
    let file = try Program("/bin/sh", ["-c", "cat > \(directory.path)/.editrc"])
    try file.write(settings)
    file.closeInput()
    try file.waitForExit()
    let (client, terminal, port) = try start(home: directory.path)
    try member.send("I am here\n")
    try terminal.waitForLine("\(member.localPort): I am here")
    try terminal.type(String(String(member.localPort).dropLast()) + "\t" + paste("pasted\rend"))
    try member.expect("\(port): \(member.localPort): pasted")
    try terminal.type(settings.contains("-v") ? "\u{1B}0i>\r" : "\u{18}\u{1}>\r")
    try member.expect("\(port): >end")
    client.signal(SIGTERM)
  }

  @Test(arguments: [[], ["--plain"]]) func `What is not UTF-8 is shown as damaged, and takes no other key with it`(
    options: [String]
  ) throws {
    let (client, terminal, port) = try start(options)
    try terminal.type([0xE9] + Array("abc\r".utf8))
    try member.expect("\(port): \u{FFFD}abc")
    try terminal.type([0xE9, 0x0D])
    try member.expect("\(port): \u{FFFD}")
    try terminal.type([0xE2, 0x82, 0xE9] + Array("été\r".utf8))
    try member.expect("\(port): \u{FFFD}\u{FFFD}été")
    try member.send("still shown\n")
    try terminal.waitForLine("\(member.localPort): still shown")
    client.signal(SIGTERM)
  }

  @Test func `In plain mode ESC is a key of its own, and other keys that come as ESC and more are none`() throws {
    let (client, terminal, port) = try start(["--plain"])
    try terminal.type("\u{1B}été\u{1B}[A\u{1B}OP\u{1B}[15~\u{1B}x fini\r")
    try member.expect("\(port): été fini")
    client.signal(SIGTERM)
  }

  @Test(arguments: ["bind -e\n", "bind -v\n"]) func `Keys that mean nothing here leave nothing in the line`(
    settings: String
  ) throws {
    let file = try Program("/bin/sh", ["-c", "cat > \(directory.path)/.editrc"])
    try file.write(settings)
    file.closeInput()
    try file.waitForExit()
    let (client, terminal, port) = try start(home: directory.path)
    // In vi's way the first one goes to command mode, in which they are to mean nothing either.
    for key in ["[15~", "[5~", "[6~", "[2~", "[1;2D", "[1;2C", "OP", "[24~", "[3;5~", "[1;5H", "[Z"] {
      try terminal.type(settings.contains("-v") ? "a\u{1B}\(key)\u{1B}\(key)a" : "a\u{1B}\(key)")
    }
    try terminal.type("\r")
    try member.expect("\(port): aaaaaaaaaaa")
    client.signal(SIGTERM)
  }
}
