import ChatClient
import ChatWire
import Glibc
import TestSupport
import Testing

/// Which room a relay takes that was told none.
@Suite(.timeLimit(.minutes(10))) struct RelayTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func refusal() -> String {
    do {
      _ = try Relay.onlySocket(in: directory.path)
      return "none"
    } catch { return error.description }
  }

  @Test func `The only socket is taken, and nothing else that lies there`() throws {
    try write("", to: directory.file("a.sock"))
    mkdir(directory.file("b.sock"), 0o755)
    let others = try listeningSocket(at: .unix(path: directory.file("chat")))
    #expect(refusal().contains("no socket in \(directory.path)"))
    let room = try listeningSocket(at: .unix(path: directory.file("lab.sock")))
    #expect(try Relay.onlySocket(in: directory.path) == directory.file("lab.sock"))
    withExtendedLifetime(others) {}
    withExtendedLifetime(room) {}
  }

  @Test func `Of several none is chosen, and all are named`() throws {
    for name in ["b.sock", "a.sock", "c\u{1B}[2J.sock"] {
      withExtendedLifetime(try listeningSocket(at: .unix(path: directory.file(name)))) {}
    }
    let path = directory.path
    #expect(
      refusal()
        == "There are several rooms on this host: \(path)/a.sock, \(path)/b.sock, \(path)/c^[[2J.sock. Name one, as in ssh://HOST\(path)/a.sock."
    )
  }

  @Test func `A directory that is not there has no room`() {
    #expect(throws: ConnectionFailure.self) { try Relay.onlySocket(in: "/nonexistent") }
  }
}
