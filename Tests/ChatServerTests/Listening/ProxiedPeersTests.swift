import ChatServer
import ChatWire
import Glibc
import TestSupport
import Testing

/// A server on a port, and one for proxies on another.
private struct Scene {
  let server: RunningServer
  private let directory: TemporaryDirectory

  enum Place: CaseIterable { case port, socket }

  init(_ kind: ServerKind, at place: Place = .port, _ configure: (inout Configuration) -> Void = { _ in }) throws {
    let directory = try TemporaryDirectory()
    server = try RunningServer(kind) {
      $0.proxyAddresses = [
        place == .port ? .internet(host: "127.0.0.1", port: 0) : .unix(path: directory.file("proxy"))
      ]
      // A busy machine may be late.
      $0.headerPatience = .seconds(3600)
      configure(&$0)
    }
    self.directory = directory
    if kind == .shared { try server.waitForRoom() }
  }

  var proxyAddress: Address { server.addresses[server.addresses.count - 1] }

  func proxy() throws -> Dialogue { try Dialogue(connectingTo: proxyAddress) }

  /// Somebody whom the proxy passes on, in the room.
  func member(from host: [UInt8] = [192, 0, 2, 7], port: UInt16 = 54_321) throws -> Dialogue {
    let peer = try proxy()
    try peer.send(ProxyBytes.version2(from: host, port: port))
    try peer.send("/nick\n")
    _ = try peer.expectLine()
    return peer
  }

  /// Waits until the server has closed it without a word.
  func expectClosedSilently(_ peer: Dialogue) throws {
    do { try peer.expectClosed() } catch let failure as TestFailure {
      // Of bytes that were not read the kernel makes a reset.
      let reset = SystemCallError("recv", code: ECONNRESET).reason
      guard "\(failure)".hasSuffix("came \"\" and then recv: \(reset)") else {
        throw failure
      }
    }
  }
}

/// Who comes through a proxy is whom the proxy names.
@Suite(.timeLimit(.minutes(10))) struct ProxiedPeersTests {
  @Test(arguments: ServerKind.allCases, Scene.Place.allCases)
  private func `A member is the peer of the proxy, and has its number, whatever the proxy's own address is`(
    _ kind: ServerKind, _ place: Scene.Place
  ) throws {
    let scene = try Scene(kind, at: place)
    let plain = try scene.server.peer()
    try scene.server.settle()
    let one = try scene.proxy()
    // All at once, and byte by byte.
    try one.send(ProxyBytes.version2(from: [192, 0, 2, 7], port: 54_321) + Array("hi\n".utf8))
    try plain.expect("54321: hi")
    let other = try scene.proxy()
    for byte in Array("PROXY TCP6 2001:db8::7 ::1 54322 6697\r\nyes\n".utf8) { try other.send([byte]) }
    for peer in [plain, one] { try peer.expect("54322: yes") }
    try scene.server.waitForLog("[NEW CONNECTION] ('192.0.2.7', 54321) connected.")
    try scene.server.waitForLog("[NEW CONNECTION] ('2001:db8::7', 54322) connected.")
    try other.send("/nick ann\n")
    for peer in [plain, one] { try peer.expect("* 54322 is now ann") }
    try other.expect("* 54322 is now ann")
    try other.send("/who\n")
    let who = try (0..<4).map { _ in try other.expectLine() }.joined(separator: "\n")
    #expect(who.contains("[2001:db8::7]:54322") && who.contains("192.0.2.7:54321"), "\(who)")
    // A member that looks like another of the proxy.
    let twin = try scene.proxy()
    try twin.send(ProxyBytes.version2(from: [192, 0, 2, 8], port: 54_321) + Array("me too\n".utf8))
    try one.expect("54321@192.0.2.8: me too")
  }

  @Test func `A member at the same server that comes without a proxy is no peer of one, whatever it says`() throws {
    let scene = try Scene(.alone)
    let plain = try scene.server.peer()
    try scene.server.settle()
    let listener = try scene.member()
    try plain.send("PROXY TCP4 192.0.2.9 192.0.2.1 54329 6697\r\n")
    try listener.expect("\(plain.localPort): PROXY TCP4 192.0.2.9 192.0.2.1 54329 6697")
    #expect(!scene.server.logged.contains { $0.contains("192.0.2.9', 54329") })
  }

  @Test func `Who says that it is another one behind a proxy is not believed`() throws {
    let scene = try Scene(.alone)
    let listener = try scene.member()
    let peer = try scene.proxy()
    try peer.send(ProxyBytes.version2(from: [192, 0, 2, 8], port: 54_322))
    try peer.send("PROXY TCP4 192.0.2.9 192.0.2.1 54329 6697\r\n")
    try listener.expect("54322: PROXY TCP4 192.0.2.9 192.0.2.1 54329 6697")
  }

  @Test func `Bans and the limit of connections are for the peer's address, not the proxy's`() throws {
    let directory = try TemporaryDirectory()
    try write("secret-token\n", to: directory.file("token"), mode: 0o600)
    let scene = try Scene(.alone) {
      $0.operatorTokenFile = directory.file("token")
      $0.maximumPerAddress = 2
    }
    let chief = try scene.member(from: [198, 51, 100, 1], port: 1001)
    try chief.send("/op secret-token\n")
    try chief.expect("* You are an operator now. /help lists what you can do.")
    let two = [try scene.member(port: 2001), try scene.member(port: 2002)]
    let third = try scene.proxy()
    try third.send(ProxyBytes.version2(from: [192, 0, 2, 7], port: 2003) + Array("hi\n".utf8))
    try third.expect("* Too many connections from your address")
    try third.expectClosed()

    try chief.send("/ban 192.0.2.7\n")
    for member in two { #expect(try member.expectLine().contains("banned")) }
    let banned = try scene.proxy()
    try banned.send(Array("PROXY TCP4 192.0.2.7 192.0.2.1 54399 6697\r\nhi\n".utf8))
    #expect(try banned.expectLine().contains("banned"))
    let other = try scene.member(from: [192, 0, 2, 8], port: 2005)
    // A number is no name: the operator is told the address to ban.
    try chief.send("/ban 2005\n")
    var line = ""
    repeat { line = try chief.expectLine() } while !line.contains("2005")
    #expect(line == "* 2005 is only a port, and another one the next time. Ban the address: /ban 192.0.2.8")
    withExtendedLifetime(other) {}
  }

  private static let refused: [(bytes: [UInt8], why: String)] = [
    (Array("hi\n".utf8), "no PROXY header at the beginning."),
    ([0x16, 0x03, 0x01, 0x02], "no PROXY header at the beginning."),
    (Array("PROXY TCP4 hi\r\nhi\n".utf8), "a damaged PROXY header."),
    (
      ProxyBytes.version2(from: [192, 0, 2, 7], port: 1, adding: Array(repeating: 0, count: 5000)),
      "a PROXY header of more than 4096 bytes."
    ),
    (ProxyBytes.version2(kind: 0x31, Array(repeating: 0, count: 216)), "a PROXY header without an internet address."),
    (Array("PROXY UNKNOWN\r\nhi\n".utf8), "a PROXY header without an internet address."),
  ]

  @Test(arguments: refused, ServerKind.allCases)
  func `What is no header closes the connection, the room hears none of it, and the log says what is wrong`(
    _ refused: (bytes: [UInt8], why: String), _ kind: ServerKind
  ) throws {
    let scene = try Scene(kind)
    let plain = try scene.server.peer()
    try scene.server.settle()
    for _ in 0..<3 {
      let peer = try scene.proxy()
      try peer.send(refused.bytes)
      try scene.expectClosedSilently(peer)
    }
    try scene.server.wait("three to be refused") { $0.refused == 3 }
    try plain.send("exit\n")
    try plain.expectClosed()
    scene.server.stop()
    let lines = scene.server.logged.filter { $0.hasPrefix("[PROXY] Closed") }
    #expect(lines.count == 2, "\(lines)")
    #expect(lines.first?.hasPrefix("[PROXY] Closed a connection at \(scene.proxyAddress): \(refused.why)") == true)
    #expect(lines.last?.hasPrefix("[PROXY] Closed 2 more at \(scene.proxyAddress): \(refused.why)") == true)
    #expect(scene.server.logged.count { $0.hasPrefix("[NEW CONNECTION]") } == 1)
  }

  @Test func `A proxy that only looks whether the server answers leaves nothing behind`() throws {
    let scene = try Scene(.alone)
    let local = try scene.proxy()
    try local.send(ProxyBytes.version2(command: 0x20, kind: 0x00, []))
    try scene.expectClosedSilently(local)
    let silent = try scene.proxy()
    silent.close()
    let broken = try scene.proxy()
    try broken.reset()
    _ = try scene.member()
    scene.server.stop()
    #expect(!scene.server.logged.contains { $0.hasPrefix("[PROXY] Closed") }, "\(scene.server.logged)")
    #expect(scene.server.server.counters.refused == 0)
  }

  @Test func `A header that does not come in time, or not whole, is given up`() throws {
    let scene = try Scene(.alone) { $0.headerPatience = .milliseconds(200) }
    let (silent, slow) = (try scene.proxy(), try scene.proxy())
    try slow.send("PROXY TCP4 192.0.2.7 ")
    for peer in [silent, slow] { try scene.expectClosedSilently(peer) }
    let cut = try scene.proxy()
    try cut.send("PROXY TCP4 192.0.2.7 ")
    try cut.finishSending()
    try scene.expectClosedSilently(cut)
    try scene.server.wait("three to be refused") { $0.refused == 3 }
    #expect(scene.server.logged.contains { $0.contains("a PROXY header that did not come whole within 5 s.") })
  }

  @Test func `Connections that wait for their headers have places, and whoever comes when all are taken is told so`()
    throws
  {
    let scene = try Scene(.alone) { $0.maximumMembers = 3 }
    let waiting = try (0..<2).map { _ in try scene.proxy() }
    for peer in waiting { try peer.send("PROXY ") }
    let plain = try scene.server.peer()
    try plain.send("/nick\n")
    _ = try plain.expectLine()
    let next = try scene.proxy()
    try next.send("PROXY TCP4 192.0.2.7 192.0.2.1 54321 6697\r\nhi\n")
    try next.expect("* Server is full")
    try waiting[0].send("TCP4 192.0.2.7 192.0.2.1 54321 6697\r\nhi\n")
    try plain.expect("54321: hi")
    waiting[1].close()
    try eventually("the place to be free again") {
      let peer = try scene.proxy()
      try peer.send("PROXY TCP4 192.0.2.7 192.0.2.1 54329 6697\r\n/nick\n")
      return try peer.expectLine() != "* Server is full"
    }
  }

  @Test func `A stop does not wait for headers`() throws {
    let scene = try Scene(.alone)
    let peer = try scene.proxy()
    try peer.send("PROXY ")
    try eventually("the header to be awaited") { try peer.unacknowledgedBytes == 0 }
    #expect(scene.server.stop())
    try scene.expectClosedSilently(peer)
  }
}
