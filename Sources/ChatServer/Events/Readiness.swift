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
/// Confined to the server's queue. Something that stays ready is reported again; reports may be spurious.
protocol Readiness: AnyObject {
  /// Begins to call `report` on the server's queue when `takeReady` has something to give. Once, before all else.
  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void)

  /// Whether input that is left unread is reported again. If not, the server has to come back to it by itself.
  var isLevelTriggered: Bool { get }

  /// Starts to report `descriptor` as `token`, at first when it can be read.
  /// - Parameter owner: what has to live for as long as the descriptor is watched.
  func watch(_ descriptor: CInt, as token: Token, keptOpenBy owner: AnyObject)

  /// Reports a descriptor from now on when it can do what is in `interest`, and not what is in `old`. With none at all
  /// nothing is reported, hang-ups included.
  func setInterest(_ interest: Interest, insteadOf old: Interest, of descriptor: CInt, as token: Token)

  /// Stops to report a descriptor, for good.
  func forget(_ descriptor: CInt, as token: Token, interest: Interest)

  /// Puts what is ready now into `list`, in place of what is in it.
  /// - Parameter nanoseconds: how long to wait for something, where the implementation can. It may wait for less.
  /// - Returns: true if `list` is all there is, and a report will come when there is more; false to be asked again.
  func takeReady(into list: inout [ReadyConnection], within nanoseconds: UInt64) -> Bool

  /// Stops everything. Nothing is reported any more.
  func cancel()
}

/// Which implementation watches the connections.
package enum EventLayer: String, CaseIterable, Sendable {
  /// One dispatch source over an epoll set of all connections.
  case epoll
  /// One dispatch source for each connection. For tests of a program on its own: on Linux, peers that reset their connections can
  /// crash libdispatch under it (swift-corelibs-libdispatch #949).
  case portable
}
