import ChatWire
import Glibc
import TestSupport
import Testing

/// The built server, listening. It is ended with its owner.
final class ServerProgram {
  let program: Program
  /// What its `[LISTENING]` lines name, in their order.
  let addresses: [Address]

  /// - Parameter addresses: as on the command line; port 0 unless a test needs something else.
  init(_ addresses: [String] = ["0"], options: [String] = []) throws {
    program = try Program(built: "mychatserver", options + addresses)
    var found: [Address] = []
    let prefix = "[LISTENING] Server is listening on "
    for _ in addresses {
      let line = try program.waitForLine("a [LISTENING] line") { $0.hasPrefix(prefix) }
      found.append(try Address(parsing: String(line.dropFirst(prefix.count))))
    }
    self.addresses = found
  }

  var address: Address { addresses[0] }

  var port: UInt16 {
    if case .internet(_, let port) = address { port } else { 0 }
  }

  /// Waits until the next client is announced.
  /// - Returns: its port.
  func nextPort() throws -> UInt16 {
    let line = try program.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
    let digits = line.drop { $0 != "," }.filter(\.isNumber)
    return try #require(UInt16(digits), "no port in \(line)")
  }

  /// A member that the server has announced. Others who come at the same time would be confused with it.
  func join() throws -> Dialogue {
    let member = try Dialogue(connectingTo: address)
    #expect(try nextPort() == member.localPort)
    return member
  }

  /// Stops it, and waits for its end.
  func stop() throws {
    program.signal(SIGTERM)
    #expect(try program.waitForExit() == .status(0))
  }

  /// What a server says that cannot start with `options`.
  static func refusal(of options: [String]) throws -> String {
    let server = try Program(built: "mychatserver", ["0"] + options)
    #expect(try server.waitForExit() == .status(1))
    #expect(server.outputLines == [])
    #expect(server.errorLines.count == 1)
    return server.errorLines.first ?? ""
  }
}

/// Appends to a file; makes it if there is none.
func append(_ text: String, to path: String) throws {
  let file = FileDescriptor(owning: open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
  try #require(StandardOutput.write(text, to: file.number) == nil)
}
