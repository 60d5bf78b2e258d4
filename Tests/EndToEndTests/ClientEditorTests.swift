import ChatWire
import Glibc
import TestSupport
import Testing

/// What the client does about libedit's searches, prompts and settings, and about an editor of the person's choice.
@Suite(.timeLimit(.minutes(10))) struct ClientEditorTests {
  private let server: ServerProgram
  private let member: Dialogue
  private let directory: TemporaryDirectory
  private let terminal: Pty

  init() throws {
    server = try ServerProgram()
    member = try server.join()
    directory = try TemporaryDirectory()
    terminal = try Pty()
  }

  private func start(settings: String = "", environment: [String: String] = [:]) throws -> (Program, port: UInt16) {
    try write(settings, to: directory.file(".editrc"))
    let home = ["HOME": directory.path, "XDG_STATE_HOME": directory.path, "TMPDIR": directory.path]
    let client = try Program(
      built: "mychatclient", [String(server.port)], environment: home.merging(environment) { $1 }, on: terminal)
    return (client, try server.nextPort())
  }

  @Test func `A second Ctrl-R takes what was looked for last`() throws {
    let (client, port) = try start()
    for line in ["make cake", "eat cake", "drink tea"] {
      try terminal.type(line + "\r")
      try member.expect("\(port): \(line)")
    }
    try terminal.type("\u{12}cake\u{5}!\r")
    try member.expect("\(port): eat cake!")
    try terminal.type("half\u{12}\u{12}")
    try terminal.waitForScreen("the line that was found") { $0.text.contains("bck:cake") }
    try terminal.type("\u{12}\u{5}?\r")
    try member.expect("\(port): eat cake?")
    client.signal(SIGTERM)
  }

  @Test(arguments: [
    ("", "\u{1B}x", "nothing\r", ""), ("bind -v\n", "\u{1B}:", "\r", "\u{1B}A"),
    ("bind -v\n", "\u{1B}/", "nosuchline\r", "A"),
    ("bind -v\n", "\u{1B}?", "nosuchline\r", "A"),
  ])
  func `libedit's own prompts keep the draft`(settings: String, keys: String, answer: String, then: String) throws {
    let (client, port) = try start(settings: settings)
    try terminal.type("a draft")
    try terminal.type(keys)
    try terminal.waitForScreen("the prompt") { $0.lines.last != "a draft" }
    try terminal.type(answer)
    try terminal.waitForScreen("the draft") { $0.lines.last == "a draft" }
    try terminal.type(then + " stays\r")
    try member.expect("\(port): a draft stays")
    client.signal(SIGTERM)
  }

  /// libedit leaves its cursor before an empty line there, and the next command would write before its memory.
  @Test func `In vi's way an empty line stays one, whatever moves or deletes there`() throws {
    let (client, port) = try start(settings: "bind -v\n")
    for _ in 0..<5 {
      for key in ["\u{1B}[C", "\u{5}", "\u{1B}[3~", "\r", "more\r"] { try terminal.type(key) }
      try member.expect("\(port): more")
    }
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
  }

  @Test func `Lines of editrc that libedit does not take are told once, and the others hold`() throws {
    let (client, port) = try start(
      settings: "# mine\nbnd x y\n\nbind ^A nosuchcommand\nbind \"^T\" \"ed-move-to-beg\"\nbind \"^X\n")
    try terminal.waitForScreen("the complaints") { $0.text.contains(":6: ") }
    let path = directory.file(".editrc")
    let text = String(decoding: terminal.bytes, as: UTF8.self)
    for line in ["2: libedit does not take this line: bnd x y", "4: ", "6: "] {
      #expect(text.ranges(of: "[EDITRC] \(path):\(line)").count == 1, "\(text)")
    }
    #expect(!text.contains("\(path):5"))
    try terminal.type("b\u{14}a\r")
    try member.expect("\(port): ab")
    client.signal(SIGTERM)
  }

  /// An editor that leaves what its script says.
  private func editor(_ script: String) throws -> [String: String] {
    try write("#!/bin/sh\n\(script)\n", to: directory.file("editor"), mode: 0o755)
    return ["VISUAL": directory.file("editor")]
  }

  private static let keys = "\u{18}\u{5}"

  @Test func `An editor changes the line, and the chat goes on meanwhile`() throws {
    let environment = try editor(
      #"cat "$1" > "$TMPDIR/seen"; stty -a > "$TMPDIR/modes"; while [ ! -e "$TMPDIR/go" ]; do sleep 0.05; done; echo "changed ü" > "$1""#
    )
    let (client, port) = try start(environment: environment)
    try terminal.type("a draft" + Self.keys)
    try eventually("the editor") { exists(directory.file("modes")) }
    // More than waits between server and client.
    try member.send((0..<20_000).map { "line \($0)\n" }.joined() + "/ignored\n")
    _ = try member.expectLine()
    try write("", to: directory.file("go"))
    try terminal.waitForLine("\(member.localPort): line 19999")
    try terminal.waitForScreen("the changed line") { $0.lines.last == "changed ü" }
    #expect(!terminal.screen.text.contains("skipped"))
    try terminal.type("!\r")
    try member.expect("\(port): changed ü!")
    #expect(text(ofFile: directory.file("seen")) == "a draft\n")
    let modes = Set(text(ofFile: directory.file("modes")).split { " ;\n".contains($0) })
    #expect(modes.contains("icanon") && modes.contains("echo"))
    #expect(contentsAreGone(), "the text is left behind")
    client.signal(SIGTERM)
  }

  private func contentsAreGone() -> Bool {
    let ls = try? Program(Program.found("ls"), [directory.path])
    _ = try? ls?.waitForExit()
    return ls?.outputLines.contains { $0.hasPrefix("mychat.") } == false
  }

  @Test func `Several lines of an editor go out as a pasted block does`() throws {
    let (client, port) = try start(environment: editor(#"printf 'one\ntwo\nthree\n' > "$1""#))
    try terminal.type("a draft" + Self.keys)
    for line in ["one", "two"] { try member.expect("\(port): \(line)") }
    try terminal.waitForScreen("the last line") { $0.lines.last == "three" }
    try terminal.type("!\r")
    try member.expect("\(port): three!")
    client.signal(SIGTERM)
  }

  @Test(arguments: [("exit 3", "did not end with status 0"), ("kill -9 $$", "did not end with status 0")])
  func `An editor that fails leaves the line as it was`(script: String, reason: String) throws {
    let (client, port) = try start(environment: editor(#"echo lost > "$1"; "# + script))
    try terminal.type("a draft" + Self.keys)
    try terminal.waitForScreen("to be told") { $0.text.contains(reason) && $0.lines.last == "a draft" }
    try terminal.type("!\r")
    try member.expect("\(port): a draft!")
    client.signal(SIGTERM)
  }

  @Test func `An editor is suspended and continued like any program`() throws {
    // It waits without another program, because a shell that is stopped while it starts one does not stop itself until that has begun.
    let environment = try editor(#": > "$TMPDIR/open"; read line < "$TMPDIR/go"; echo changed > "$1""#)
    mkfifo(directory.file("go"), 0o600)
    let go = FileDescriptor(owning: open(directory.file("go"), O_RDWR | O_CLOEXEC))
    let variables = environment.merging(["TMPDIR": directory.path]) { $1 }
    let command =
      "'\(try Program.built("mychatclient"))' \(server.port) --no-history; echo stopped; read line; fg; echo over"
    let shell = try Program(
      "/bin/sh", ["-m", "-c", command], environment: variables, input: .terminal(terminal), output: .terminal(terminal),
      errors: .terminal(terminal))
    let port = try server.nextPort()
    try terminal.type("a draft" + Self.keys)
    try eventually("the editor") { exists(directory.file("open")) }
    try terminal.typeAtOnce("\u{1A}")
    // The terminal echoes the key before it.
    try terminal.waitForScreen("the shell") { $0.lines.contains { $0.hasSuffix("stopped") } }
    try terminal.typeAtOnce("\r")
    _ = withUnsafeBytes(of: UInt8(ascii: "\n")) { go.write($0) }
    try terminal.waitForScreen("the changed line") { $0.lines.last == "changed" }
    try terminal.type("!\rexit\r")
    try member.expect("\(port): changed!")
    #expect(try shell.waitForExit() == .status(0))
    // By `fg` once, and not stopped again.
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines.last == "over", "\(terminal.screen.text)")
  }

  @Test func `An editor ends with the client`() throws {
    let environment = try editor(
      #"trap '' HUP; echo $$ > "$TMPDIR/pid.new"; mv "$TMPDIR/pid.new" "$TMPDIR/pid"; while :; do sleep 0.1; done"#)
    let (client, _) = try start(environment: environment)
    try terminal.type("a draft" + Self.keys)
    try eventually("the editor") { exists(directory.file("pid")) }
    let editor = try #require(pid_t(text(ofFile: directory.file("pid")).dropLast()))
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
    #expect(kill(editor, 0) != 0, "the editor is left behind")
  }

  @Test func `An end of the connection while the editor is open is told behind the line`() throws {
    let environment = try editor(
      #": > "$TMPDIR/open"; while [ ! -e "$TMPDIR/go" ]; do sleep 0.05; done; echo changed > "$1""#)
    let (client, _) = try start(environment: environment)
    try terminal.type("a draft" + Self.keys)
    try eventually("the editor") { exists(directory.file("open")) }
    server.program.signal(SIGKILL)
    _ = try server.program.waitForExit()
    try write("", to: directory.file("go"))
    #expect(try client.waitForExit() == .status(1))
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines.suffix(2) == ["changed", "[DISCONNECTED] Server connection lost."])
  }
}
