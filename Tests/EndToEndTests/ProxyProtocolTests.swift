import ChatWire
import Glibc
import TestSupport
import Testing

/// `--proxy-protocol`, and stunnel before it as `.readme/service.md` has it.
@Suite(.timeLimit(.minutes(10))) struct ProxyProtocolTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// A server on a port, and one for proxies at the address.
  private func server(for address: String, _ options: String...) throws -> (server: ServerProgram, proxies: Address) {
    let server = try ServerProgram(options: ["--proxy-protocol", address] + options)
    let prefix = "[PROXY] Connections of proxies are awaited at "
    let line = try server.program.waitForLine("a [PROXY] line") { $0.hasPrefix(prefix) }
    return (server, try Address(parsing: String(line.dropFirst(prefix.count))))
  }

  @Test(arguments: ["0", "[::1]:0", "unix"])
  func `Each who comes through a proxy is called by the number of their own, and nothing of the header is heard`(
    _ place: String
  ) throws {
    let path = directory.file("proxy.sock")
    let (server, proxies) = try server(for: place == "unix" ? "unix:\(path)" : place)
    let listener = try server.join()
    let one = try Dialogue(connectingTo: proxies)
    try one.send(ProxyBytes.version2(from: [192, 0, 2, 7], port: 54_321) + Array("hi\n".utf8))
    try server.program.waitForLine("[NEW CONNECTION] ('192.0.2.7', 54321) connected.")
    try listener.expect("54321: hi")
    let other = try Dialogue(connectingTo: proxies)
    try other.send(ProxyBytes.version2(from: ProxyBytes.documentationIPv6, port: 54_322) + Array("yes\nexit\n".utf8))
    try server.program.waitForLine("[NEW CONNECTION] ('2001:db8::7', 54322) connected.")
    try listener.expect("54322: yes")
    try one.expect("54322: yes")
    try other.expectClosed()
    try server.program.waitForLine("[('2001:db8::7', 54322)] Sent exit command.")
    let unix = try Dialogue(connectingTo: proxies)
    try unix.send(ProxyBytes.version2(kind: 0x31, [UInt8](repeating: 0x61, count: 216)) + Array("hidden\n".utf8))
    _ = try server.program.waitForLine("why it was closed") {
      $0.hasPrefix("[PROXY] Closed a connection at \(proxies): a PROXY header without an internet address.")
    }
    try one.send("bye\n")
    try listener.expect("54321: bye")
    try server.stop()
    #expect(!exists(path) && !exists(path + ".lock"))
  }

  @Test func `The log as JSON has the peer of the proxy too`() throws {
    let (server, proxies) = try server(for: "0")
    try server.stop()
    let file = directory.file("log")
    let path = directory.file("s")
    let program = try Program(
      built: "mychatserver", ["--proxy-protocol", "unix:\(path)", "--log-format", "json", "--log-file", file])
    try eventually("the server") { text(ofFile: file).contains("\"event\":\"proxy\"") }
    let peer = try Dialogue(connectingTo: .unix(path: path))
    try peer.send("PROXY TCP6 2001:db8::7 ::1 54321 6697\r\nhi\n")
    try eventually("the message") {
      text(ofFile: file).contains(#""event":"message","peer":"[2001:db8::7]:54321","name":"54321","text":"hi""#)
    }
    // It was told of no other address, so it listens on no other.
    #expect(!text(ofFile: file).contains("listening"))
    program.signal(SIGTERM)
    #expect(try program.waitForExit() == .status(0))
    withExtendedLifetime(proxies) {}
  }

  @Test func `What lets members in does not let anybody pass for a proxy`() throws {
    let path = directory.file("proxy.sock")
    let members = directory.file("s")
    let server = try ServerProgram(
      ["unix:\(members)"], options: ["--proxy-protocol", "unix:\(path)", "--socket-mode", "666"])
    try server.program.waitForLine("[PROXY] Connections of proxies are awaited at unix:\(path)")
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o660)
    #expect(stat(members, &status) == 0 && status.st_mode & 0o777 == 0o666)
    // The proxy has an account of this machine, and its peers have not.
    let member = try Dialogue(connectingTo: .unix(path: members))
    try member.send("/nick\n")
    let login = try member.expectLine()
    let peer = try Dialogue(connectingTo: .unix(path: path))
    try peer.send(ProxyBytes.version2(from: [192, 0, 2, 7], port: 54_321) + Array("/nick\n".utf8))
    try peer.expect("* You are 54321 already.")
    try peer.send("/nick \(login.dropFirst("* You are ".count).prefix { $0 != " " })\n")
    #expect(try peer.expectLine().hasPrefix("* That name belongs to a login of this machine"))
    try server.stop()
  }

  @Test func `An address for proxies has to be one that only this machine reaches, and --check tells of it`() throws {
    let refused = try Program(built: "mychatserver", ["0", "--proxy-protocol", "0.0.0.0:0"])
    #expect(try refused.waitForExit() == .status(1))
    #expect(refused.errorLines.first?.contains("--allow-remote") == true)
    let open = try Program(built: "mychatserver", ["--check", "--proxy-protocol", "0.0.0.0:6697", "--allow-remote"])
    #expect(try open.waitForExit() == .status(0))
    #expect(open.outputLines.first == "proxies: 0.0.0.0:6697", "\(open.outputLines)")
    #expect(!open.outputLines.contains { $0.hasPrefix("listen:") })
    let twice = try Program(
      built: "mychatserver", ["unix:\(directory.file("s"))", "--proxy-protocol", "unix:\(directory.file("s"))"])
    #expect(try twice.waitForExit() == .status(1))
    #expect(twice.errorLines.first?.contains("it is given twice") == true, "\(twice.errorLines)")
  }

  // MARK: stunnel

  private static let hasStunnel: Bool = (try? Program.found("stunnel4")) != nil
  private static let hasOpenSSL: Bool = (try? Program.found("openssl")) != nil

  /// stunnel with these settings for a service that accepts on a free port of loopback.
  private func stunnel(_ name: String, _ settings: String...) throws -> (program: Program, port: UInt16) {
    let file = directory.file("\(name).conf")
    let lines = ["foreground = yes", "pid =", "debug = 6", "[\(name)]", "accept = 127.0.0.1:0"] + settings
    try write(lines.joined(separator: "\n") + "\n", to: file)
    let log = directory.file("\(name).log")
    let program = try Program(
      try Program.found("stunnel4"), [file], input: .nothing, output: .nothing, errors: .file(log))
    var port: UInt16?
    try eventually("stunnel to listen; it says \(text(ofFile: log))") {
      port = text(ofFile: log).split(separator: "\n").first { $0.contains(" bound to 127.0.0.1:") }
        .flatMap { UInt16($0.split(separator: ":").last ?? "") }
      return port != nil
    }
    return (program, try #require(port))
  }

  @Test(
    .enabled(if: hasStunnel, "stunnel4 is not installed; run: make test"),
    .enabled(if: hasOpenSSL, "openssl is not installed; run: make test"))
  func `People come through stunnel, with a client of theirs or without, and are known by their own addresses`() throws
  {
    let (certificate, key) = (directory.file("lab.pem"), directory.file("lab.key"))
    let request = try Program(
      try Program.found("openssl"),
      [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
      ], input: .nothing)
    #expect(try request.waitForExit() == .status(0), "\(request.errorLines)")
    let (server, proxies) = try server(for: "unix:\(directory.file("proxy.sock"))")
    guard case .unix(let path) = proxies else { throw TestFailure("\(proxies) is no socket") }
    let listener = try server.join()
    let entrance = try stunnel("lab", "cert = \(certificate)", "key = \(key)", "connect = \(path)", "protocol = proxy")

    // Without anything but openssl.
    let bare = try Program(
      try Program.found("openssl"),
      [
        "s_client", "-quiet", "-verify_quiet", "-connect", "localhost:\(entrance.port)", "-CAfile", certificate,
        "-verify_return_error", "-verify_hostname", "localhost",
      ])
    let number = try server.nextPort()
    try bare.write("by openssl\n")
    try listener.expect("\(number): by openssl")
    try listener.send("hello\n")
    try bare.waitForLine("\(listener.localPort): hello")

    // With stunnel on their side too.
    let way = try stunnel(
      "way", "client = yes", "connect = localhost:\(entrance.port)", "CAfile = \(certificate)", "verifyChain = yes",
      "checkHost = localhost")
    let client = try Program(built: "mychatclient", ["\(way.port)", "--plain"])
    let clientNumber = try server.nextPort()
    try client.write("by stunnel\n")
    try listener.expect("\(clientNumber): by stunnel")
    #expect(clientNumber != number)
    let once = try Program(built: "mychatclient", ["\(way.port)", "--send", "once"])
    #expect(try once.waitForExit() == .status(0), "\(once.errorLines)")
    _ = try server.nextPort()
    #expect(try listener.expectLine().hasSuffix(": once"))
    try client.write("exit\n")
    #expect(try client.waitForExit() == .status(0))
    try server.program.waitForLine("[DISCONNECTED] ('127.0.0.1', \(clientNumber)) has been removed.")

    // A server that stops says goodbye through it as well.
    try server.stop()
    #expect(try bare.waitForExit() == .status(0))
  }
}
