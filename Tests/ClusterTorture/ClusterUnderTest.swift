import ChatWire
import Glibc
import TestSupport
import TortureSupport

/// Built servers that share one room through a real redis-server.
final class ClusterUnderTest {
  /// How a server reaches Redis.
  enum Way {
    case direct
    /// Through a proxy of its own.
    case proxies
  }

  static let room = "torture"
  private let sharedRedis: RedisServer?
  /// By server; none if they reach Redis directly.
  let proxies: [Proxy]
  private(set) var servers: [ServerUnderTest] = []
  /// Where each listens, also when it comes back.
  private var ports: [UInt16] = []
  private let arguments: [String]

  /// - Parameters:
  ///   - redis: nil for one server that shares its room with nobody.
  ///   - arguments: of each server, behind those that lead it to Redis.
  init(_ count: Int, on redis: RedisServer?, by way: Way = .direct, _ arguments: [String] = []) throws {
    sharedRedis = redis
    self.arguments = arguments
    if let redis, way == .proxies {
      proxies = try (0..<count).map { _ in try Proxy(to: redis.address) }
    } else {
      proxies = []
    }
    while servers.count < count {
      guard let port = unusedFixedPort() else { throw TestFailure("no free port from 20000 to 29999") }
      ports.append(port)
      do { servers.append(try makeServer(servers.count)) } catch let failure as TestFailure {
        // Another program may have taken it meanwhile.
        guard "\(failure)".contains("the port is in use") else { throw failure }
        ports.removeLast()
      }
    }
    if redis != nil { for index in 0..<count { try awaitLink(of: index) } }
  }

  var redis: RedisServer {
    guard let sharedRedis else { preconditionFailure("a server without Redis") }
    return sharedRedis
  }

  /// How often the link of a server came back that lost it most often.
  var linksBack: Int { servers.map { $0.logged("is there again") }.max() ?? 0 }

  /// What a server is given as its `--redis`.
  private func redisURL(of index: Int) -> String? {
    proxies.isEmpty
      ? sharedRedis?.url(room: Self.room) : "redis://\(proxies[index].address)/0?room=\(Self.room)"
  }

  private func makeServer(_ index: Int) throws -> ServerUnderTest {
    let way = redisURL(of: index).map { ["--redis", $0] } ?? []
    return try ServerUnderTest(way + arguments, listening: "127.0.0.1:\(ports[index])")
  }

  /// Waits until a server has its link to the others.
  func awaitLink(of index: Int) throws {
    let server = servers[index]
    try eventually("server \(index) to share the room; it says \(server.lastLines)") {
      server.logged("[REDIS] Sharing the room") > 0
    }
  }

  /// The sorted names of all who are here, as a server lists them to one who comes and asks, without that one.
  func names(listedBy index: Int) throws -> [String] {
    let peer = try Dialogue(connectingTo: servers[index].address)
    try peer.send(String(decoding: ClientLine.rosterRequestLine, as: UTF8.self) + "\n")
    var names: [String] = []
    while true {
      let line = ServerLine(Array(try peer.expectLine().utf8)[...])
      guard case .here(let more, let isLast) = Notice(parsing: line.text) else { continue }
      names += more.map(\.description)
      if isLast { break }
    }
    try peer.send("exit\n")
    _ = try peer.receiveAll()
    // The first is the asker.
    return names.dropFirst().sorted()
  }

  /// Waits until a server lists exactly these. Who asked another one before may be listed for a moment.
  func expectNames(_ expected: [String], at server: Int, within limit: Duration = generousLimit) throws {
    var names: [String] = []
    do {
      try eventually("the list of server \(server)", within: limit) {
        names = try self.names(listedBy: server)
        return names == expected
      }
    } catch {
      let (missing, more) = (Set(expected).subtracting(names), Set(names).subtracting(expected))
      throw TestFailure("\(error): \(missing.sorted()) are missing, and \(more.sorted()) are too many")
    }
  }

  /// Starts a server that has ended again, where it was before. It may have no link yet.
  func restart(_ index: Int) throws { servers[index] = try makeServer(index) }

  var areAlive: Bool { servers.allSatisfy(\.isAlive) }

  /// CPU time that servers and Redis have used so far, in nanoseconds.
  var cpuNanoseconds: (servers: UInt64, redis: UInt64) {
    let used = servers.map { ProcessFigures(of: $0.pid)?.cpuNanoseconds ?? 0 }
    return (used.reduce(0, +), sharedRedis.flatMap { ProcessFigures(of: $0.pid)?.cpuNanoseconds } ?? 0)
  }
}

extension ServerUnderTest {
  /// The end of what it has logged, for a failure.
  var lastLines: String { shown(contents(of: log, atMost: 1 << 30).suffix(300)) }
}
