import Dispatch

/// What a connection can do now, or what the server wants to be told of.
struct Interest: OptionSet {
  let rawValue: UInt8
  static let reading = Interest(rawValue: 1)
  static let writing = Interest(rawValue: 2)
}

struct ReadyConnection {
  var token: Token
  /// What can be tried. A peer that hung up is reported as ready for both: trying tells how it went.
  var ready: Interest
}

/// Tells which connections can be read or written.
///
/// Confined to the server's queue. Something that stays ready is reported again; a report may come in vain.
protocol Readiness: AnyObject {
  /// Begins to call `report` on the server's queue when `takeReady` has something to give. Once, before all else.
  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void)

  /// Starts to report `connection`, when it can be read at first.
  func watch(_ connection: Connection)

  /// Reports `connection` from now on when it can do what is in `interest`, which is not what it was.
  /// With none at all it is not heard of, hang-ups included.
  func setInterest(_ interest: Interest, of connection: Connection)

  /// Stops reporting `connection`, for good. Its descriptor stays open until the last who holds the connection lets go.
  func forget(_ connection: Connection)

  /// The server has read something from `connection`, but not to its end.
  func leftUnread(_ connection: Connection)

  /// Puts what is ready now into `list`, in place of what is in it.
  /// - Parameter milliseconds: how long to wait for something, where the implementation can.
  /// - Returns: true if `list` is all there is, and a report will come when there is more; false to be asked again.
  func takeReady(into list: inout [ReadyConnection], within milliseconds: CInt) -> Bool

  /// Stops everything. Nothing is reported any more.
  func cancel()
}

/// Which implementation watches the connections.
package enum EventLayer: String, CaseIterable, Sendable {
  /// One dispatch source over an epoll set of all connections.
  case epoll
  /// One dispatch source for each connection. For tests, which run on both: on Linux, peers that reset their connections can
  /// crash libdispatch under it (swift-corelibs-libdispatch #949).
  case portable
}
