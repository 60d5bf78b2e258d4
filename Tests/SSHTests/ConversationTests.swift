import ChatWire
import Glibc
import TestSupport
import Testing

/// The tests take turns, because they share the two logins.
@Suite(
  .serialized, .timeLimit(.minutes(20)),
  .enabled(if: Logins.areThere, "it needs two logins; `make ssh-test` makes them, as root"))
enum WithTwoLogins {}

extension WithTwoLogins {
  /// `mychatclient ssh://HOST` with the real ssh and sshd, as a person sees it.
  @Suite struct ConversationTests {
    let person: Person
    let terminal: Pty

    init() throws {
      person = try Person()
      terminal = try Pty(rows: 60, columns: 200)
    }

    /// A host that the person knows, and that lets them in by their key.
    private func hostWithKey(_ settings: String = "", room path: String? = nil) throws -> Host {
      let host = try Host(settings, room: path)
      try person.know(host)
      try person.useKey(at: host)
      return host
    }

    /// Waits for `text` somewhere on the screen.
    private func see(_ text: String) throws {
      try terminal.waitForScreen("to read \(text.debugDescription)") { $0.text.contains(text) }
    }

    /// Says a line, which has to reach the room under the login at the host, and leaves.
    private func chatAndLeave(_ client: Program, in host: Host) throws {
      try see("Connected to chat server. Type 'exit' to leave.")
      let member = try host.join()
      try terminal.type("hello room\r")
      try member.expect("\(Logins.host): hello room")
      try member.send("hello person\n")
      try see("root: hello person")
      try terminal.type("exit\r")
      #expect(try client.waitForExit() == .status(0))
      try see("Disconnected from server")
      try expectAllAsBefore()
    }

    /// The client failed, and the screen says why.
    private func expectFailure(_ client: Program, _ lines: String...) throws {
      #expect(try client.waitForExit() == .status(1))
      for line in lines { try see(line) }
      #expect(terminal.screen.text.components(of: "[ERROR]") == 1, "\(terminal.screen.text)")
      try expectAllAsBefore()
    }

    private func expectAllAsBefore() throws {
      #expect(terminal.echoes)
      try person.expectNothingLeft()
    }

    @Test func `First contact: the host's key is asked about, then the password, which may be wrong once`() throws {
      let host = try Host()
      let client = try person.join([host.address], on: terminal)
      try see("Are you sure you want to continue connecting (yes/no/[fingerprint])?")
      try terminal.typeAtOnce("yes\r")
      try see("password:")
      try terminal.typeAtOnce("wrong\r")
      try see("Permission denied, please try again.")
      try eventually("to be asked again") { !terminal.echoes }
      try terminal.typeAtOnce("\(Logins.password)\r")
      try chatAndLeave(client, in: host)
      #expect(!terminal.screen.text.contains(Logins.password))
      let key = text(ofFile: host.directory.file("host_key.pub")).split(separator: " ")[1]
      #expect(text(ofFile: person.file("known_hosts")).contains(key))
    }

    @Test func `A host whose key is not accepted is left alone`() throws {
      let host = try Host()
      let client = try person.join([host.address], on: terminal)
      try see("(yes/no/[fingerprint])?")
      try terminal.typeAtOnce("no\r")
      try expectFailure(client, "Host key verification failed.", "[ERROR] ssh could not connect to 127.0.0.1.")
    }

    @Test func `With a key nothing is asked`() throws {
      let host = try hostWithKey()
      try chatAndLeave(try person.join([host.address], on: terminal), in: host)
      #expect(terminal.screen.lines.first == "Connected to chat server. Type 'exit' to leave.")
    }

    @Test func `A key that the host does not know is refused`() throws {
      let host = try Host("PasswordAuthentication no")
      try person.know(host)
      try person.useKey(at: host, isAccepted: false)
      let client = try person.join([host.address], on: terminal)
      try expectFailure(client, "Permission denied (publickey).", "[ERROR] ssh could not connect to 127.0.0.1.")
    }

    @Test func `A host whose key has changed is not let at the password`() throws {
      let host = try Host()
      try person.know(host)
      try host.stop()
      try host.makeKey()
      try host.start()
      let client = try person.join([host.address], on: terminal)
      try expectFailure(
        client, "REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed.",
        "[ERROR] ssh could not connect to 127.0.0.1.")
    }

    @Test func `A host that refuses is named`() throws {
      let client = try person.join(["ssh://127.0.0.1:\(try #require(unusedFixedPort()))"], on: terminal)
      try expectFailure(client, "Connection refused", "[ERROR] ssh could not connect to 127.0.0.1.")
    }

    @Test func `A host without mychat is named`() throws {
      let host = try hostWithKey("SetEnv PATH=/nonexistent")
      let client = try person.join([host.address], on: terminal)
      try expectFailure(client, "mychatclient", "[ERROR] mychat is not installed on 127.0.0.1.")
    }

    @Test func `A socket that is not for this login is named`() throws {
      let host = try hostWithKey()
      chmod(host.path, 0o600)
      let client = try person.join([host.address], on: terminal)
      try expectFailure(client, "[ERROR] No permission to connect to unix:\(host.path).")
    }

    @Test func `The only room in the directory of rooms needs no path, and none and several are told`() throws {
      var other: FileDescriptor?
      do {
        let host = try hostWithKey(room: "/run/mychat/lab.sock")
        let address = "ssh://\(Logins.host)@127.0.0.1:\(host.port)"
        try chatAndLeave(try person.join([address], on: terminal), in: host)
        other = try listeningSocket(at: .unix(path: "/run/mychat/other.sock"))
        let second = try person.join([address])
        #expect(try second.waitForExit() == .status(1))
        #expect(
          second.errorLines == [
            "[ERROR] There are several rooms on this host: /run/mychat/lab.sock, /run/mychat/other.sock. Name one, as in ssh://HOST/run/mychat/lab.sock."
          ])
      }
      unlink("/run/mychat/other.sock")
      let host = try hostWithKey()
      let client = try person.join(["ssh://\(Logins.host)@127.0.0.1:\(host.port)"])
      #expect(try client.waitForExit() == .status(1))
      #expect(client.errorLines.count == 1 && client.errorLines[0].contains("no socket in /run/mychat"))
      withExtendedLifetime(other) {}
    }

    @Test func `Who runs the relay by hand, at the host or through ssh, is the login that runs it`() throws {
      let host = try hostWithKey()
      let member = try host.join()
      let own = try person.join(["--relay", host.path])
      let other = try person.start(
        Program.found("ssh"),
        ["-p", "\(host.port)", "\(Logins.host)@127.0.0.1", "mychatclient --relay \(host.path)"])
      for (relay, name, wanted) in [(own, Logins.person, Logins.host), (other, Logins.host, Logins.person)] {
        try relay.waitForLine("mychat relay ready")
        try relay.write("hi\n/nick \(wanted)\n")
        try relay.waitForLine("* That name belongs to a login of this machine.")
        try member.expect("\(name): hi")
      }
      for relay in [own, other] {
        relay.closeInput()
        #expect(try relay.waitForExit() == .status(0))
      }
    }

    @Test func `What a login prints is shown before the chat`() throws {
      let host = try hostWithKey()
      try write(
        #"echo "Welcome, $USER"; printf '\033[31mred\n'; echo warning >&2; printf 'no end: '"# + "\n",
        to: Logins.home(of: Logins.host) + "/.bashrc")
      try chatAndLeave(try person.join([host.address], on: terminal), in: host)
      let lines = terminal.screen.lines
      for line in ["Welcome, \(Logins.host)", "^[[31mred", "warning", "no end:"] { #expect(lines.contains(line)) }
    }

    @Test func `Settings that would break the call are overruled`() throws {
      let host = try hostWithKey()
      try person.writeFile(
        "config",
        """
        Host *
          RemoteCommand echo hijacked
          RequestTTY force
          SessionType none
          StdinNull yes
          ForkAfterAuthentication yes
          PermitLocalCommand yes
          LocalCommand echo local > \(person.file("local"))
          LocalForward \(try #require(unusedFixedPort())) 127.0.0.1:9
          RemoteForward \(try #require(unusedFixedPort())) 127.0.0.1:9
          DynamicForward \(try #require(unusedFixedPort()))
          ExitOnForwardFailure yes
          ForwardAgent yes
          ForwardX11 yes
          Tunnel yes
          ControlMaster yes
          ControlPath \(person.file("master"))
          ControlPersist yes
          ServerAliveInterval 1
          EscapeChar x

        """)
      try chatAndLeave(try person.join([host.address], on: terminal), in: host)
      #expect(!exists(person.file("local")))
      #expect(!exists(person.file("master")))
    }

    @Test func `Ctrl-C at the question for the host's key gives up`() throws {
      let host = try Host()
      let client = try person.join([host.address], on: terminal)
      try see("(yes/no/[fingerprint])?")
      try terminal.typeAtOnce("\u{3}")
      try expectFailure(client, "[ERROR] Gave up connecting to 127.0.0.1.")
    }

    @Test func `Ctrl-C at the password gives up`() throws {
      let host = try Host()
      try person.know(host)
      let client = try person.join([host.address], on: terminal)
      try see("password:")
      try eventually("the keys to be hidden") { !terminal.echoes }
      try terminal.typeAtOnce("half\u{3}")
      try expectFailure(client, "[ERROR] Gave up connecting to 127.0.0.1.")
    }

    @Test func `Ctrl-C while a host does not answer gives up`() throws {
      let silent = try ScriptedServer()
      let client = try person.join(["ssh://127.0.0.1:\(silent.port)"], on: terminal)
      let connection = try silent.accept()
      try eventually("ssh to speak") { try connection.hasSomething }
      try terminal.typeAtOnce("\u{3}")
      try expectFailure(client, "[ERROR] Gave up connecting to 127.0.0.1.")
    }

    @Test func `Ctrl-C while a login takes its time gives up`() throws {
      let host = try hostWithKey()
      try write("echo 'One moment'; sleep 60\n", to: Logins.home(of: Logins.host) + "/.bashrc")
      let client = try person.join([host.address], on: terminal)
      try see("One moment")
      try terminal.typeAtOnce("\u{3}")
      try expectFailure(client, "[ERROR] Gave up connecting to 127.0.0.1.")
    }

    @Test func `Ctrl-C in the chat clears the line, then leaves`() throws {
      let host = try hostWithKey()
      let client = try person.join([host.address], on: terminal)
      try terminal.type("half a line")
      try see("half a line")
      try terminal.type("\u{3}")
      try terminal.type("\u{3}")
      #expect(try client.waitForExit() == .status(0))
      try see("Disconnected from server")
      try expectAllAsBefore()
    }

    @Test(arguments: [SIGTERM, SIGKILL]) func `Nothing is left of a client that is ended`(signal: CInt) throws {
      let host = try hostWithKey()
      let client = try person.join([host.address], on: terminal)
      try terminal.waitForEditing()
      client.signal(signal)
      #expect(try client.waitForExit() == .signal(signal))
      try person.expectNothingLeft()
      try eventually("the relay to end") {
        try !Logins.processes(of: Logins.host).contains { $0.name == "mychatclient" }
      }
    }

    @Test func `An ssh that is killed is the end of the connection`() throws {
      let host = try hostWithKey()
      let client = try person.join([host.address], on: terminal)
      try terminal.type("half a line")
      try see("half a line")
      for process in try Logins.processes(of: Logins.person) where process.name == "ssh" { kill(process.pid, SIGKILL) }
      #expect(try client.waitForExit() == .status(1))
      try see("[DISCONNECTED] Server connection lost.")
      try expectAllAsBefore()
      try eventually("the relay to end") {
        try !Logins.processes(of: Logins.host).contains { $0.name == "mychatclient" }
      }
    }

    @Test func `A host that ends the connection is quoted`() throws {
      let host = try hostWithKey()
      let client = try person.join([host.address], on: terminal)
      try terminal.type("half a line")
      try see("half a line")
      try host.breakConnections()
      #expect(try client.waitForExit() == .status(1))
      try see("[DISCONNECTED] Server connection lost.")
      #expect(terminal.screen.lines.contains("Connection to 127.0.0.1 closed by remote host."))
      try expectAllAsBefore()
    }

    @Test func `A server that ends is no failure of ssh`() throws {
      let host = try hostWithKey()
      let member = try host.join()
      let client = try person.join([host.address, "--send", "the build is done"])
      #expect(try client.waitForExit() == .status(0))
      #expect(client.output == [] && client.errors == [])
      try member.expect("\(Logins.host): the build is done")
    }

    @Test func `sshd stops and comes back, and nothing that is typed is lost`() throws {
      let host = try hostWithKey()
      let client = try person.join([host.address, "--reconnect"], on: terminal)
      try see("Connected to chat server.")
      let member = try host.join()
      try terminal.type("before\r")
      try member.expect("\(Logins.host): before")
      try host.stop()
      try see("Trying again")
      try terminal.type("meanwhile\rhal")
      try see("Connection refused")
      try host.start()
      try see("[RECONNECTED] Connected to chat server again.")
      try member.expect("\(Logins.host): meanwhile")
      try terminal.type("f\r")
      try member.expect("\(Logins.host): half")
      #expect(terminal.screen.lines.contains("[UNCERTAIN] This line may or may not have arrived: before"))
      try terminal.type("exit\r")
      #expect(try client.waitForExit() == .status(0))
      try expectAllAsBefore()
    }

    @Test func `A login that has to be asked cannot come back by itself, and that is told`() throws {
      let host = try Host()
      try person.know(host)
      let client = try person.join([host.address, "--reconnect"], on: terminal)
      try see("password:")
      try eventually("the keys to be hidden") { !terminal.echoes }
      try terminal.typeAtOnce("\(Logins.password)\r")
      try see("Connected to chat server.")
      try terminal.waitForEditing()
      try host.breakConnections()
      try see("Permission denied (publickey,password).")
      try see("Trying again in")
      try terminal.type("exit\r")
      #expect(try client.waitForExit() == .status(0))
      try expectAllAsBefore()
    }

    @Test func `A connection that others share is used, and not ended with the chat`() throws {
      let host = try hostWithKey()
      try person.writeFile(
        "config", "Host *\n  ControlMaster auto\n  ControlPath \(person.file("master"))\n  ControlPersist yes\n")
      let target = ["-p", "\(host.port)", "\(Logins.host)@127.0.0.1"]
      let ssh = try Program.found("ssh")
      let first = try person.start(ssh, target + ["true"])
      #expect(try first.waitForExit() == .status(0))
      #expect(exists(person.file("master")))
      // No key is left to log in with: only the shared connection lets them in.
      unlink(host.directory.file("keys/\(Logins.host)"))
      let client = try person.join([host.address], on: terminal)
      try see("Connected to chat server.")
      let member = try host.join()
      try terminal.type("shared\r")
      try member.expect("\(Logins.host): shared")
      try terminal.type("exit\r")
      #expect(try client.waitForExit() == .status(0))

      let again = try person.join([host.address], on: terminal)
      try terminal.waitForScreen("a second chat") { $0.lines.count { $0.hasPrefix("Connected to chat server") } == 2 }
      try terminal.waitForEditing()
      let end = try person.start(ssh, ["-O", "exit"] + target)
      #expect(try end.waitForExit() == .status(0))
      #expect(try again.waitForExit() == .status(1))
      try see("[DISCONNECTED] Server connection lost.")
      try expectAllAsBefore()
    }
  }
}

extension String {
  /// How often `part` occurs.
  fileprivate func components(of part: String) -> Int {
    var rest = unicodeScalars[...]
    var count = 0
    while rest.count >= part.unicodeScalars.count {
      if rest.starts(with: part.unicodeScalars) { count += 1 }
      rest = rest.dropFirst()
    }
    return count
  }
}
