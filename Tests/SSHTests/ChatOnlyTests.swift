import ChatWire
import Glibc
import TestSupport
import Testing

extension WithTwoLogins {
  /// The account that may only chat, made as `.readme/service.md` says, and ways out of it.
  @Suite final class ChatOnlyTests {
    let person: Person
    let host: Host
    /// Of the host's login.
    let home: String
    /// Whatever makes this has got out.
    let trophy: String

    init() throws {
      person = try Person()
      host = try Host("AcceptEnv LANG LC_*")
      try person.useKey(at: host)
      trophy = host.directory.file("trophy")
      chmod(host.directory.path, 0o777)
      // What a login of this kind could have left from before it was one.
      home = try Logins.home(of: Logins.host)
      try Logins.run("rm", ["-rf", "\(home)/.ssh"])
      mkdir("\(home)/.ssh", 0o755)
      try write("touch \(trophy)\n", to: "\(home)/.ssh/rc", mode: 0o755)
      try write(
        "PATH=\(host.directory.path)\nBASH_ENV=\(home)/.bashrc\nENV=\(home)/.bashrc\n", to: "\(home)/.ssh/environment")
      for name in [".bashrc", ".profile", ".bash_profile"] { try write("touch \(trophy)\n", to: "\(home)/\(name)") }
      try Logins.run("usermod", ["--shell", "/bin/sh", "--password", "*", Logins.host])
      try host.restart(match: Self.recipe(for: host))
      try person.know(host)
    }

    deinit {
      _ = try? Logins.run("usermod", ["--shell", "/bin/bash", Logins.host])
      _ = try? Logins.run("sh", ["-c", "echo '\(Logins.host):\(Logins.password)' | /usr/sbin/chpasswd"])
      _ = try? Logins.run("sh", ["-c", "rm -rf \(home)/.ssh \(home)/.[bp]*"])
    }

    private static let page = text(
      ofFile: #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/.readme/service.md")

    /// The settings of the page, with this host's names.
    private static func recipe(for host: Host) throws -> String {
      var lines = page.split(separator: "\n").drop { $0 != "Match Group chat-only" }.prefix { $0 != "```" }.map(
        String.init)
      guard lines.count > 5 else { throw TestFailure("the recipe is not in .readme/service.md") }
      lines[0] = "Match User \(Logins.host)"
      let names = [
        ("/usr/bin/mychatclient", host.directory.file("bin/mychatclient")), ("/run/mychat/lab.sock", host.path),
        ("/etc/ssh/chat-only", host.directory.file("keys")),
      ]
      return names.reduce(lines.joined(separator: "\n")) { $0.replacing($1.0, with: $1.1) }
    }

    /// Runs ssh as the person, for the login that may only chat, and gives it lines for a shell.
    private func attempt(_ arguments: [String], _ command: String...) throws -> (exit: Program.Exit, words: String) {
      let options = ["-F", "none", "-p", "\(host.port)", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
      let ssh = try person.start(
        Program.found("ssh"), options + arguments + ["--", "\(Logins.host)@127.0.0.1"] + command)
      // It may have ended by then.
      try? ssh.write("id\n/usr/bin/id; touch \(trophy)\n~!touch \(trophy)\n$(touch \(trophy))\nexit\n")
      ssh.closeInput()
      let exit = try ssh.waitForExit()
      return (exit, String(decoding: ssh.output + ssh.errors, as: UTF8.self))
    }

    private func expectNoWayOut(_ attempt: (exit: Program.Exit, words: String)) {
      #expect(!attempt.words.contains("uid="), "\(attempt.words)")
      #expect(!attempt.words.contains("SSH-2.0"), "\(attempt.words)")
      #expect(!attempt.words.contains("root:"), "\(attempt.words)")
      #expect(!exists(trophy))
    }

    @Test func `The room is open to it`() throws {
      let terminal = try Pty(rows: 50, columns: 150)
      let client = try person.join([host.address], on: terminal)
      try terminal.waitForLine("Connected to chat server. Type 'exit' to leave.")
      let member = try host.join()
      try terminal.type("hello\r")
      try member.expect("\(Logins.host): hello")
      try terminal.type("exit\r")
      #expect(try client.waitForExit() == .status(0))
    }

    private func setHome(_ path: String) throws {
      // It is not changed while somebody is logged in.
      try eventually("its programs to end") { try Logins.processes(of: Logins.host).isEmpty }
      try Logins.run("usermod", ["--home", path, Logins.host])
    }

    @Test func `Nothing but the room is shown to it, with the home that the page gives it`() throws {
      let words = Self.page.split(whereSeparator: \.isWhitespace)
      let option = try #require(words.firstIndex(of: "--home-dir"))
      try setHome("\(words[option + 1])")
      defer { _ = try? setHome(home) }
      let terminal = try Pty(rows: 50, columns: 150)
      let client = try person.join([host.address], on: terminal)
      try terminal.waitForLine("Connected to chat server. Type 'exit' to leave.")
      #expect(terminal.screen.lines.first == "Connected to chat server. Type 'exit' to leave.")
      try terminal.type("exit\r")
      #expect(try client.waitForExit() == .status(0))
    }

    @Test(arguments: [
      ["id"], ["sh", "-i"], ["/bin/sh -c 'id; touch /tmp/x'"], ["$(id)"], ["`id`"],
      ["--relay /run/mychat/other.sock; id"],
      ["mychatclient --relay /dev/null || id"], ["\nid\n"], ["-c id"],
    ]) func `A command is not run`(command: [String]) throws {
      let attempt = try attempt([], command.joined(separator: " "))
      expectNoWayOut(attempt)
      #expect(attempt.words.contains("mychat relay ready"))
    }

    @Test func `Without the settings these ways lead out`() throws {
      try host.restart(match: "PermitUserEnvironment yes")
      #expect(try attempt([], "id").words.contains("uid="))
      #expect(exists(trophy))
      #expect(try attempt(["-W", "127.0.0.1:\(host.port)"]).words.contains("SSH-2.0"))
    }

    @Test func `A terminal is not given, nor a shell on one`() throws {
      let attempt = try attempt(["-tt"])
      expectNoWayOut(attempt)
      #expect(attempt.words.contains("PTY allocation request failed"))
    }

    @Test func `What is written to the relay is lines of the room`() throws {
      let member = try host.join()
      expectNoWayOut(try attempt([]))
      try member.expect("\(Logins.host): id")
    }

    @Test func `Subsystems and copies of files are the relay`() throws {
      expectNoWayOut(try attempt(["-s"], "sftp"))
      let copied = host.directory.file("passwd")
      for options in [["-O"], ["-s"]] {
        let scp = try person.start(
          Program.found("scp"),
          options + [
            "-F", "none", "-P", "\(host.port)", "-o", "BatchMode=yes", "\(Logins.host)@127.0.0.1:/etc/passwd", copied,
          ])
        #expect(try scp.waitForExit() != .status(0))
        #expect(contents(of: copied) == [])
      }
    }

    @Test func `Nothing is connected to from the host`() throws {
      let attempt = try attempt(["-W", "127.0.0.1:\(host.port)"])
      expectNoWayOut(attempt)
      #expect(attempt.exit != .status(0) && attempt.words.contains("open failed"))
    }

    @Test func `A port brought here leads nowhere, and neither does a socket`() throws {
      for target in ["127.0.0.1:\(host.port)", "/run/systemd/private", host.path] {
        let port = try #require(unusedFixedPort())
        let ssh = try person.start(
          Program.found("ssh"),
          ["-F", "none", "-p", "\(host.port)", "-o", "BatchMode=yes", "-N", "-L", "127.0.0.1:\(port):\(target)"]
            + ["\(Logins.host)@127.0.0.1"])
        var peer: Dialogue?
        try eventually("ssh to listen") {
          peer = try? Dialogue(port: port)
          return peer != nil
        }
        #expect(try peer?.receiveAll() == [])
        ssh.signal(SIGTERM)
        try ssh.waitForExit()
      }
    }

    @Test func `No port and no socket of the host is listened on`() throws {
      let socket = host.directory.file("listening")
      for place in ["\(try #require(unusedFixedPort()))", socket] {
        let attempt = try attempt(["-N", "-o", "ExitOnForwardFailure=yes", "-R", "\(place):127.0.0.1:9"])
        expectNoWayOut(attempt)
        #expect(attempt.exit == .status(255) && attempt.words.contains("remote port forwarding failed"))
      }
      #expect(!exists(socket))
    }

    @Test func `It is no way to other hosts`() throws {
      let ssh = try person.start(
        Program.found("ssh"),
        ["-F", "none", "-o", "BatchMode=yes", "-J", "\(Logins.host)@127.0.0.1:\(host.port)", "-p", "\(host.port)"]
          + ["\(Logins.host)@127.0.0.1", "id"])
      #expect(try ssh.waitForExit() == .status(255))
      #expect(ssh.output == [])
    }

    @Test func `Variables of the environment are not taken, nor files of the login`() throws {
      for setting in ["BASH_ENV=\(home)/.bashrc", "ENV=\(home)/.profile", "LD_PRELOAD=\(trophy)", "PATH=\(home)"] {
        expectNoWayOut(try attempt(["-o", "SetEnv=\(setting)"]))
      }
      expectNoWayOut(try attempt(["-o", "SetEnv=LC_ALL=$(touch \(trophy))"]))
    }

    @Test func `Nothing but a key lets it in`() throws {
      let attempt = try attempt(["-o", "PubkeyAuthentication=no"])
      expectNoWayOut(attempt)
      #expect(attempt.exit == .status(255) && attempt.words.contains("Permission denied (publickey)."))
    }
  }
}
