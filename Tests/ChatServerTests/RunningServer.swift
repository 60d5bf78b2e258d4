import ChatRedis
import ChatServer
import ChatWire
import Dispatch
import Glibc
import TestSupport
import Testing

/// A server in this process, on a free port, with its log in a file.
final class RunningServer {
  let server: Server
  let addresses: [Address]
  /// The room that it shares; nil for none.
  let redis: RedisAddress?
  private let stopped = DispatchSemaphore(value: 0)
  private let writer: Log
  private let log: FileDescriptor

  var port: UInt16 {
    if case .internet(_, let port) = addresses[0] { port } else { 0 }
  }

  /// - Parameter configure: of a shared room's server, may choose another room.
  init(_ kind: ServerKind, _ configure: (inout Configuration) -> Void = { _ in }) throws {
    raiseDescriptorLimit()
    ignoreBrokenPipes()
    var configuration = Configuration()
    configuration.addresses = [.internet(host: "127.0.0.1", port: 0)]
    if kind == .shared { configuration.redis = try SharedRedis.newRoom() }
    configure(&configuration)
    redis = configuration.redis
    var path = Array("/tmp/mychat-log-XXXXXX".utf8CString)
    log = FileDescriptor(owning: mkstemp(&path))
    guard log.number >= 0 else { throw SystemCallError("mkstemp") }
    unlink(path)
    writer = Log(to: log.number)
    server = try Server(configuration, log: writer) { [stopped] in stopped.signal() }
    addresses = try server.start()
  }

  deinit {
    // The log's descriptor is closed next, and another test will get its number.
    if !stop() { Issue.record("a server did not stop within 30 s") }
    writer.drain(seconds: 30)
  }

  /// Stops it and waits until everybody has been said goodbye to.
  @discardableResult
  func stop() -> Bool {
    server.stop()
    return wait()
  }

  func wait() -> Bool {
    defer { stopped.signal() }
    return stopped.wait(timeout: .now() + 30) == .success
  }

  /// Peers made by `peer` so far.
  private var peerCount = 0

  func peer(receiveBuffer: CInt? = nil) throws -> Dialogue {
    peerCount += 1
    return try Dialogue(connectingTo: addresses[0], receiveBuffer: receiveBuffer)
  }

  /// Waits until each of its peers was let in, or was told that it is not, and hears what is said at other servers.
  func settle() throws {
    try wait("\(peerCount) peers to be let in") { $0.accepted + $0.refused >= peerCount }
    if redis != nil { try waitForRoom() }
  }

  /// Waits until a server of a shared room hears what is said there.
  func waitForRoom() throws {
    try eventually("the server to share its room; it logged \(logged)") {
      logged.contains { $0.hasPrefix("[REDIS] Sharing the room") }
    }
  }

  /// Waits for what the server's counters say.
  func wait(_ what: String, until condition: (Counters) -> Bool) throws {
    try eventually("\(what); there are \(server.counters)") { condition(server.counters) }
  }

  /// What it has logged so far, in lines.
  var logged: [String] {
    writer.drain(seconds: 5)
    var information = stat()
    guard fstat(log.number, &information) == 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: Int(information.st_size))
    let count = pread(log.number, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// Waits until the log has `line`.
  func waitForLog(_ line: String) throws {
    try eventually("the log line \(line); it is \(logged)") { logged.contains(line) }
  }
}
