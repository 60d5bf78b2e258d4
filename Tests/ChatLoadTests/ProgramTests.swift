import ChatWire
import TestSupport
import Testing

/// The program as people and scripts run it.
@Suite(.timeLimit(.minutes(10)))
struct ProgramTests {
  static func run(_ arguments: [String]) throws -> (exit: Program.Exit, output: String, errors: String) {
    let program = try Program(built: "mychatload", arguments)
    let exit = try program.waitForExit()
    return (exit, String(decoding: program.output, as: UTF8.self), String(decoding: program.errors, as: UTF8.self))
  }

  @Test func `A clean run exits with 0, prints a table, and shows no bar where there is no terminal`() throws {
    let server = try FaultyServer(.none)
    let result = try Self.run(["\(server.port)", "--receivers", "5", "--lines", "100"])
    #expect(result.exit == .status(0))
    #expect(result.output.contains("400 of 400: 0 lost, 0 doubled, 0 torn, 0 out of order"))
    #expect(result.errors == "")
  }

  @Test func `A run with a flaw exits with 1 and says so in its JSON`() throws {
    let server = try FaultyServer(.double)
    let result = try Self.run(["\(server.port)", "--receivers", "5", "--lines", "100", "--json"])
    #expect(result.exit == .status(1))
    #expect(result.output.contains("\"clean\":false"))
    #expect(result.output.contains("\"doubled\":1"))
    #expect(result.output.hasSuffix("}\n"))
  }

  @Test func `Where nobody listens it says so and exits with 1`() throws {
    // Bound and not listening, so that nobody else gets the port.
    let address = try #require(try Address.internet(host: "127.0.0.1", port: 0).resolved().first)
    let socket = try FileDescriptor.socket(for: address)
    try socket.bind(to: address)
    let port = try socket.localAddress().port
    let result = try Self.run(["\(port)"])
    #expect(result.exit == .status(1))
    #expect(result.errors == "[ERROR] Connection refused. Is the server running on 127.0.0.1:\(port)?\n")
  }

  @Test(
    arguments: [
      (["--receivers", "1"], "--receivers must be at least 2"),
      (["--window", "5", "--rate", "5"], "exclude each other"),
      (["localhost:99999"], "a port is a number from 0 to 65535"), (["--protocol", "mail"], "mail"),
      (["bench", "--rounds", "0"], "--rounds must be from 1 to 100"),
      (["bench", "--server", "/nonexistent"], "cannot be started"),
    ] as [([String], String)])
  func `Bad usage exits with 64 and says what to do`(arguments: [String], hint: String) throws {
    let result = try Self.run(arguments)
    #expect(result.exit == .status(64))
    #expect(result.errors.contains(hint), "\(result.errors)")
  }

  @Test func `More receivers than descriptors are refused before anything is opened`() throws {
    let result = try Self.run(["--receivers", "200000000", "--lines", "1"])
    #expect(result.exit == .status(1))
    #expect(result.errors.contains("ulimit -Hn"))
  }
}
