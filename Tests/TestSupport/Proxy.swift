import ChatWire
import Dispatch
import Glibc
import Synchronization

/// Stands between programs and a server, and does to their connections what networks do. It serves on its own queue until it is
/// released; any thread may direct it.
package final class Proxy: Sendable {
  /// What is passed on, of the connections that there are and of those to come.
  package enum Passage: Sendable {
    case everything
    /// Nothing, and no end either: all is held and passed on later, as TCP does when a cable is in again. Connections are
    /// accepted.
    case nothing
    /// What the programs send; what the server sends is lost. A connection that has lost something never gets more in that
    /// direction.
    case requestsOnly
    /// What the server sends; what the programs send is lost, likewise.
    case repliesOnly
  }

  /// How a connection is broken after a number of bytes.
  package enum Break: CaseIterable, Sendable {
    /// Both ends are reset.
    case reset
    /// Both ends see an end in order.
    case end
    /// The program sees a reset. What it had sent by then reaches the server later, when there may be another connection.
    case late
  }

  /// Decides for a new connection after how many bytes, of both directions together, it breaks; nil for never.
  package typealias Breaking = @Sendable () -> (bytes: Int, Break)?

  package let port: UInt16
  package var address: Address { .internet(host: "127.0.0.1", port: port) }
  private let controls: ProxyControls
  private let wake: Pipe
  private let queue = DispatchQueue(label: "proxy")

  package init(to target: Address) throws {
    // A fixed one, because programs still try to come back when the proxy has gone, and another server might have the port then.
    guard let port = unusedFixedPort() else { throw TestFailure("no free port for a proxy") }
    self.port = port
    let listener = try listeningSocket(at: .internet(host: "127.0.0.1", port: port))
    try listener.setBlocking(false)
    let controls = try ProxyControls(Self.resolved(target))
    self.controls = controls
    wake = try Pipe()
    let waking = wake.readEnd.number
    try wake.readEnd.setBlocking(false)
    let loop = ProxyLoop(listener: listener, wake: waking, controls: controls)
    queue.async { loop.run() }
  }

  deinit {
    change { $0.isOver = true }
    queue.sync {}
  }

  /// Connections broken off so far, by `reset` and by `break`.
  package var brokenCount: Int { controls.broken.load(ordering: .relaxed) }
  /// Connections accepted so far.
  package var acceptedCount: Int { controls.accepted.load(ordering: .relaxed) }

  package func pass(_ passage: Passage) { change { $0.passage = passage } }

  /// Everything takes so much longer from now on, in each direction.
  package func delay(_ duration: Duration) { change { $0.delay = UInt64(duration / .nanoseconds(1)) } }

  /// Resets all connections, at both ends. Those to come are as before.
  package func reset() { change { $0.resets += 1 } }

  /// Has each new connection break by itself; nil to stop that.
  package func `break`(_ breaking: Breaking?) { change { $0.breaking = breaking } }

  /// Connections to come go to `target`; those that there are go on until they are reset.
  package func redirect(to target: Address) throws {
    let target = try Self.resolved(target)
    change { $0.target = target }
  }

  private static func resolved(_ address: Address) throws -> SocketAddress {
    guard let target = try address.resolved().first else { throw TestFailure("\(address) resolves to nothing") }
    return target
  }

  /// Returns when it holds: nothing that is sent from then on is treated as before.
  private func change(_ body: (inout ProxyControls.Values) -> Void) {
    let (number, isOver) = controls.values.withLock { values in
      body(&values)
      values.number += 1
      return (values.number, values.isOver)
    }
    _ = withUnsafeBytes(of: UInt8(0)) { wake.writeEnd.write($0) }
    while !isOver, controls.heeded.load(ordering: .acquiring) < number { usleep(500) }
  }
}

/// What a proxy was told.
final class ProxyControls: Sendable {
  struct Values {
    var target: SocketAddress
    var passage = Proxy.Passage.everything
    /// Nanoseconds.
    var delay: UInt64 = 0
    var breaking: Proxy.Breaking?
    /// Raised to break all connections off.
    var resets = 0
    var isOver = false
    /// Raised by each change.
    var number = 0
  }

  let values: Mutex<Values>
  let accepted = Atomic<Int>(0)
  let broken = Atomic<Int>(0)
  /// The `number` of what the connections are treated by.
  let heeded = Atomic<Int>(0)

  init(_ target: SocketAddress) { values = Mutex(Values(target: target)) }
}
