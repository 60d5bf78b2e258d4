import ChatWire
import Glibc
import TestSupport
import Testing

/// `mychatclient ssh://HOST`, with a program in the place of ssh. The real one is tried by `make ssh-test`.
@Suite(.timeLimit(.minutes(10))) struct ClientSSHTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("room.sock")
  }

  @Test func `A room is joined through ssh, and left`() throws {
    let ssh = try FakeSSH()
    let server = try ScriptedServer(at: .unix(path: path))
    let terminal = try Pty()
    let client = try ssh.client(["ssh://alice@box:2222\(path)"], on: terminal)
    let connection = try server.accept()
    try terminal.waitForLine("Connected to chat server. Type 'exit' to leave.")
    try connection.send("bob: hi\n")
    try terminal.waitForLine("bob: hi")
    try terminal.type("hello\r")
    // It asks who it is, because only the server knows.
    try connection.expect("\t \t")
    try connection.expectAll("hello\n")
    try terminal.type("exit\r")
    try connection.expectAll("hello\nexit")
    connection.close()
    #expect(try client.waitForExit() == .status(0))
    try terminal.waitForLine("Disconnected from server")
    #expect(terminal.screen.unknown == [])
    let arguments = ssh.arguments
    #expect(arguments.suffix(7) == ["-p", "2222", "-l", "alice", "--", "box", "mychatclient --relay \(path)"])
    for option in ["RemoteCommand=none", "RequestTTY=no", "ClearAllForwardings=yes", "ForkAfterAuthentication=no"] {
      #expect(arguments.contains(option))
    }
    #expect(!arguments.contains("BatchMode=yes"), "ssh may ask")
  }

  @Test func `What is left out of the address is left to ssh`() throws {
    let ssh = try FakeSSH("exit 255")
    #expect(try ssh.client(["ssh://box"]).waitForExit() == .status(1))
    #expect(ssh.arguments.suffix(3) == ["--", "box", "mychatclient --relay"])
    #expect(!ssh.arguments.contains("-p") && !ssh.arguments.contains("-l"))
  }

  @Test func `What a login prints is shown and made safe, and is no part of the chat`() throws {
    let ssh = try FakeSSH(
      #"""
      echo 'Welcome to box'; printf 'clear: \033[2J\n\n'; echo 'a warning' >&2; printf 'no end'
      remote
      """#)
    let server = try ScriptedServer(at: .unix(path: path))
    let client = try ssh.client(["ssh://box\(path)", "--json"])
    let connection = try server.accept()
    try connection.send("bob: hi\n")
    _ = try client.waitForLine("what bob said") { $0.contains(#""from":"bob","text":"hi""#) }
    client.closeInput()
    try connection.expectAll("exit")
    connection.close()
    #expect(try client.waitForExit() == .status(0))
    #expect(client.errorLines.filter { $0 != "a warning" } == ["Welcome to box", "clear: ^[[2J", "", "no end"])
    #expect(client.errorLines.contains("a warning"))
    #expect(client.outputLines.allSatisfy { $0.hasPrefix("{") })
  }

  @Test(arguments: [
    ("echo 'ssh: no route' >&2; exit 255", ["ssh: no route", "[ERROR] ssh could not connect to box."]),
    (
      "echo 'sh: mychatclient: not found' >&2; exit 127",
      ["sh: mychatclient: not found", "[ERROR] mychat is not installed on box."]
    ),
    ("exit 126", ["[ERROR] mychatclient on box cannot be run by this login."]),
    ("exit 64", ["[ERROR] mychatclient on box knows no --relay; it is older than this one."]),
    ("echo '[ERROR] No permission.' >&2; exit 69", ["[ERROR] No permission."]),
    (
      "echo 'This account is not available.'; exit 1",
      [
        "This account is not available.",
        "[ERROR] box did not start mychat's relay: the command ended with status 1.",
      ]
    ),
    ("exit 0", ["[ERROR] box did not start mychat's relay: the command ended with status 0."]),
    ("kill -KILL $$", ["[ERROR] ssh was ended by signal 9."]),
  ]) func `Why there is no connection is told`(script: String, lines: [String]) throws {
    let ssh = try FakeSSH(script)
    for options in [[], ["--send", "hi"], ["--reconnect"]] {
      let client = try ssh.client(["ssh://alice@box"] + options)
      #expect(try client.waitForExit() == .status(1))
      #expect(client.errorLines == lines)
      #expect(client.output == [])
    }
  }

  @Test func `Where ssh is not installed, that is said`() throws {
    let client = try Program(built: "mychatclient", ["ssh://box"], environment: ["PATH": directory.path])
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines == ["[ERROR] There is no program 'ssh' here. Install OpenSSH's client."])
  }

  @Test func `One line is sent through ssh, and the status says whether the server took it`() throws {
    let ssh = try FakeSSH()
    let server = try ServerProgram(["unix:\(path)"])
    let member = try Dialogue(connectingTo: server.address)
    let client = try ssh.client(["ssh://box\(path)", "--send", "the build is done"])
    #expect(try client.waitForExit() == .status(0))
    #expect(try member.expectLine().hasSuffix(": the build is done"))
    #expect(client.output == [] && client.errors == [])
  }

  @Test func `A line that ssh was killed with is not sent for sure`() throws {
    let ssh = try FakeSSH(#"echo $$ > "$SSH/pid"; remote"#)
    let server = try ScriptedServer(at: .unix(path: path))
    let client = try ssh.client(["ssh://box\(path)", "--send", "hi"])
    let connection = try server.accept()
    try connection.expectAll("hi\nexit")
    kill(try #require(pid_t(text(ofFile: ssh.file("pid")).dropLast())), SIGKILL)
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 1 && client.errorLines[0].contains("broke before the server had the whole line"))
  }

  // The relay in the background, and what ssh says once `cut` is there, when it ends.
  private static let mortal = #"""
    exec 3<&0
    $command <&3 &
    until [ -e "$SSH/cut" ]; do sleep 0.05; done
    echo 'Timeout, server box not responding.' >&2
    kill $!
    rm "$SSH/cut"
    exit 255
    """#

  @Test(arguments: [[], ["--plain"]]) func `What ssh says later does not disturb the line that is typed`(
    options: [String]
  ) throws {
    let ssh = try FakeSSH(Self.mortal)
    let server = try ScriptedServer(at: .unix(path: path))
    let terminal = try Pty()
    let client = try ssh.client(["ssh://box\(path)"] + options, on: terminal)
    let connection = try server.accept()
    try terminal.type("half a li")
    try terminal.waitForLine("half a li")
    try write("", to: ssh.file("cut"))
    #expect(try client.waitForExit() == .status(1))
    try terminal.waitForLine("[DISCONNECTED] Server connection lost.")
    #expect(terminal.screen.lines.contains("Timeout, server box not responding."))
    #expect(terminal.echoes)
    withExtendedLifetime(connection) {}
  }

  @Test func `A connection that breaks is made again without questions`() throws {
    // The second attempt finds a host that refuses, twice.
    let ssh = try FakeSSH(
      #"""
      if [ -e "$SSH/no" ]; then echo 'alice@box: Permission denied (publickey).' >&2; exit 255; fi
      """# + "\n" + Self.mortal)
    let server = try ScriptedServer(at: .unix(path: path))
    let terminal = try Pty()
    let client = try ssh.client(["ssh://box\(path)", "--reconnect"], on: terminal)
    var connection = try server.accept()
    try terminal.type("before\r")
    try connection.expect("\t \t")
    try connection.expectAll("before\n")
    try write("", to: ssh.file("no"))
    try write("", to: ssh.file("cut"))
    try terminal.waitForLine("[UNCERTAIN] This line may or may not have arrived: before")
    try terminal.type("meanwhile\rhal")
    try terminal.waitForScreen("ssh's word") { $0.lines.contains("alice@box: Permission denied (publickey).") }
    try eventually("a third attempt") { ssh.arguments.count { $0 == "BatchMode=yes" } >= 2 }
    unlink(ssh.file("no"))
    connection = try server.accept()
    try connection.expect("\t \t")
    try connection.expectAll("meanwhile\n")
    try terminal.waitForLine("[RECONNECTED] Connected to chat server again.")
    #expect(terminal.screen.lines.count { $0.contains("Permission denied") } == 1, "told once")
    try terminal.type("f\r")
    try connection.expectAll("meanwhile\nhalf\n")
    client.signal(SIGTERM)
  }

  @Test func `Whoever leaves while ssh connects again does not wait, and ssh ends`() throws {
    let ssh = try FakeSSH(
      #"""
      if [ -e "$SSH/no" ]; then echo $$ > "$SSH/pid"; exec sleep 100; fi
      """# + "\n" + Self.mortal)
    let server = try ScriptedServer(at: .unix(path: path))
    let terminal = try Pty()
    let client = try ssh.client(["ssh://box\(path)", "--reconnect"], on: terminal)
    let connection = try server.accept()
    try terminal.waitForEditing()
    try write("", to: ssh.file("no"))
    try write("", to: ssh.file("cut"))
    try eventually("an attempt") { text(ofFile: ssh.file("pid")).hasSuffix("\n") }
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    let pid = try #require(pid_t(text(ofFile: ssh.file("pid")).dropLast()))
    try eventually("ssh to end") { kill(pid, 0) != 0 }
    withExtendedLifetime(connection) {}
  }

  // Asks as ssh does, with the keys hidden; SIGTERM ends it.
  private static let asking = #"""
    trap 'stty echo < /dev/tty; kill $!; exit 143' TERM
    trap 'echo INT > "$SSH/interrupted"; exit 130' INT
    stty -echo < /dev/tty; printf 'password: ' > /dev/tty
    sleep 100 < /dev/null > /dev/null 2>&1 & wait $!
    """#

  @Test func `Ctrl-C while ssh asks ends both, and the terminal is as before`() throws {
    let ssh = try FakeSSH(Self.asking)
    let terminal = try Pty()
    let client = try ssh.client(["ssh://box"], on: terminal)
    try terminal.waitForLine("password:")
    #expect(!terminal.echoes)
    try terminal.typeAtOnce("\u{3}")
    #expect(try client.waitForExit() == .status(1))
    terminal.readWhatIsThere()
    #expect(terminal.screen.text.contains("[ERROR] Gave up connecting to box."))
    #expect(terminal.echoes)
    #expect(!exists(ssh.file("interrupted")), "SIGINT is not for ssh")
  }

  @Test func `A signal that ends the client while ssh asks gives the terminal back`() throws {
    let ssh = try FakeSSH(Self.asking)
    let terminal = try Pty()
    let client = try ssh.client(["ssh://box"], on: terminal)
    try terminal.waitForLine("password:")
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
    #expect(terminal.echoes)
  }

  @Test func `An ssh that was killed while it asks leaves the terminal as before`() throws {
    let ssh = try FakeSSH(#"echo $$ > "$SSH/pid""# + "\n" + Self.asking)
    let terminal = try Pty()
    let client = try ssh.client(["ssh://box"], on: terminal)
    try terminal.waitForLine("password:")
    kill(try #require(pid_t(text(ofFile: ssh.file("pid")).dropLast())), SIGKILL)
    #expect(try client.waitForExit() == .status(1))
    try terminal.waitForScreen("the reason") { $0.text.contains("[ERROR] ssh was ended by signal 9.") }
    #expect(terminal.echoes)
  }

  @Test func `A word of ssh behind its question says that it waits`() throws {
    let ssh = try FakeSSH(
      #"""
      stty -echo < /dev/tty; printf 'password: ' > /dev/tty
      echo 'Permission denied, please try again.' >&2
      read answer < /dev/tty; stty echo < /dev/tty
      [ "$answer" = secret ] && remote
      """#)
    let server = try ScriptedServer(at: .unix(path: path))
    let terminal = try Pty()
    let client = try ssh.client(["ssh://box\(path)"], on: terminal)
    try terminal.waitForScreen("a hint") { $0.lines.contains("(ssh waits for your answer)") }
    #expect(terminal.screen.lines.prefix(2) == ["password:", "Permission denied, please try again."])
    try terminal.typeAtOnce("secret\r")
    let connection = try server.accept()
    client.signal(SIGTERM)
    withExtendedLifetime(connection) {}
  }
}
