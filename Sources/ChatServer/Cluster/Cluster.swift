import ChatRedis
import ChatWire
import Dispatch

/// The link through which this server shares its room with others: what it says goes to Redis, and what everybody says, its own
/// lines included, comes from there in one order.
///
/// Confined to the server's queue.
final class Cluster {
  /// This run of the server.
  let id: ServerID

  /// - Parameter console: gets what becomes of the link.
  init(_ configuration: RedisAddress, console: Console) {
    id = .random()
  }

  /// Whether another line may be submitted. If not, its sender waits until `hasSpace` is true again.
  var hasSpace: Bool { true }

  /// Whether there is no link, and those who wait are to be told.
  var isDown: Bool { false }

  /// Whether all that was submitted has been read back.
  var isDrained: Bool { true }

  /// Takes an operation into the turn that is sent next.
  func submit(_ operation: Operation) {}

  /// Lines of a member that were submitted and not read back.
  func uncommittedLines(of member: UInt64) -> Int { 0 }

  /// The next event, in order; nil if there is none. While the server takes none, for want of space in its log, the link reads no
  /// further.
  func nextEvent() -> LinkEvent? { nil }

  /// Begins to connect. Whatever happens later is followed by `wake`, on the server's queue.
  func start(on queue: DispatchQueue, readiness: any Readiness, wake: @escaping @Sendable () -> Void) {}

  /// Whether `token` stands for one of its connections.
  func owns(_ token: Token) -> Bool { false }

  /// One of its connections is ready.
  func handle(_ ready: ReadyConnection) {}

  /// Sends what was submitted in this turn, as far as the pace allows.
  func flush() {}

  /// Tells Redis that this server leaves, and closes the connections. Nothing that was submitted before counts any more unless
  /// `isDrained`.
  func leave() {}
}
