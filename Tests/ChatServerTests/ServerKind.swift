import ChatRedis
import ChatServer
import ChatWire
import Glibc
import TestSupport
import Testing

/// What a server stands on in the tests of what holds for every server. It is never the portable event layer, because libdispatch may
/// crash under that when a connection is reset (swift-corelibs-libdispatch #949), and all tests of the process with it; programs
/// of their own are tested on it.
enum ServerKind: CaseIterable, CustomTestStringConvertible {
  case alone
  /// With a room that it could share with other servers.
  case shared

  /// Without a redis-server on this machine there are no shared rooms.
  static let allCases: [ServerKind] = RedisServer.isInstalled ? [.alone, .shared] : [.alone]

  var testDescription: String { "\(self)" }
}

/// The Redis of all shared rooms in this process. It starts when the first one is wanted.
enum SharedRedis {
  private struct Running: Sendable {
    let address: Address
    /// Retained until the process ends.
    let bits: UInt
  }

  private static let running: Result<Running, any Error> = Result {
    let server = try RedisServer(onUnixSocket: true)
    // Nothing is released by itself when a process ends.
    atexit {
      guard let bits = try? SharedRedis.running.get().bits else { return }
      UnsafeRawPointer(bitPattern: bits).map { Unmanaged<RedisServer>.fromOpaque($0).release() }
    }
    return Running(address: server.address, bits: UInt(bitPattern: Unmanaged.passRetained(server).toOpaque()))
  }

  /// A room that nobody else has.
  static func newRoom() throws -> RedisAddress {
    var address = RedisAddress(address: try running.get().address)
    address.room = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    return address
  }
}
