import ChatClient
import ChatWire
import Glibc
import Testing

@Suite(.timeLimit(.minutes(10))) struct WordingTests {
  @Test func `A refused connection asks for the server`() {
    let error = SystemCallError("connect", code: ECONNREFUSED)
    #expect(
      Wording.cannotConnect(to: .standard, because: error)
        == "Connection refused. Is the server running on 127.0.0.1:12345?")
  }

  @Test(arguments: [ENOENT, EACCES, EHOSTUNREACH, ETIMEDOUT, EPROTOTYPE, ECONNREFUSED, EINVAL, ECONNRESET])
  func `Every failure is one line that names the address and says what to do`(code: CInt) {
    for address in [Address.unix(path: "/tmp/chat"), .internet(host: "example.net", port: 5)] {
      let text = Wording.cannotConnect(to: address, because: SystemCallError("connect", code: code))
      #expect(text.contains("example.net:5") || text.contains("/tmp/chat"))
      #expect(text.hasSuffix("?") || text.hasSuffix("."))
      #expect(text.split(separator: ". ").count >= 2)
      #expect(!text.contains("\n"))
    }
  }

  @Test func `Nobody listening is reported`() throws {
    let socket = try FileDescriptor.socket(for: Address.standard.resolved()[0])
    try socket.bind(to: Address.internet(host: "127.0.0.1", port: 0).resolved()[0])
    // Bound and not listening: nobody else can take the port, and it refuses.
    let address = try socket.localAddress().address
    #expect(throws: ConnectionFailure.self) { try ServerConnection.open(to: address, until: .now + .seconds(30)) }
    do { _ = try ServerConnection.open(to: address, until: .now + .seconds(30)) } catch {
      #expect(error.description == "Connection refused. Is the server running on \(address)?")
    }
  }

  @Test func `A missing socket file is reported`() {
    do { _ = try ServerConnection.open(to: .unix(path: "/nonexistent/chat.sock"), until: .now + .seconds(30)) } catch {
      #expect(error.description.contains("no socket file /nonexistent/chat.sock"))
    }
  }
}
