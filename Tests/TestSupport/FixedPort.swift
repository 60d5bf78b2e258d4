import ChatWire
import Synchronization

/// An unused port from 20000 to 29999, on all addresses; nil if none is found. The kernel never assigns these to a client, which
/// could take the port before a server starts there again, or before others come from it. Until this process ends no other
/// call gets it, in whatever process.
package func unusedFixedPort() -> UInt16? {
  for _ in 0..<100 {
    let port = UInt16.random(in: 20_000..<30_000)
    guard let reservation = try? PortReservation(of: port) else { continue }
    reservations.withLock { $0.append(reservation) }
    return port
  }
  return nil
}

private let reservations = Mutex<[PortReservation]>([])

private final class PortReservation: Sendable {
  private let socket: FileDescriptor

  init(of port: UInt16) throws {
    let address = try Address.internet(host: "0.0.0.0", port: port).resolved()[0]
    socket = try FileDescriptor.socket(for: address)
    // Bound alone first, because a connection that was closed less than a minute ago may still have the port.
    try socket.bind(to: address)
    // Then whoever asks for it in the same way can have the port too, because nobody listens here.
    try socket.set(.reuseAddress, to: 1)
  }
}
