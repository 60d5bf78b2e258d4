import ChatWire
import Dispatch
import Glibc

/// The service manager that started this process, systemd as a rule, as the server talks to it: one datagram each time
/// (sd_notify(3)). Nothing is waited for, and nothing comes back.
///
/// Confined to the server's queue. So is the timer of the signs of life: they stop when the room does.
final class ServiceManager {
  /// What the server is about, in the manager's words.
  enum State {
    case ready
    /// It goes on as a new program, or as before; `ready` follows in both cases.
    case reloading
    case stopping

    var text: String {
      switch self {
      case .ready: "READY=1"
      // Before systemd 253 the time is not read, and does no harm.
      case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Moment.now.nanoseconds / 1000)"
      case .stopping: "STOPPING=1"
      }
    }
  }

  /// How old a status may be.
  private static let maximumBeat = Duration.seconds(10)
  /// However short the manager's patience is, the room has other things to do.
  private static let minimumBeat = Duration.milliseconds(10)

  private let socket: FileDescriptor
  private let address: SocketAddress
  private let isWatched: Bool
  private let beat: Duration
  private var timer: (any DispatchSourceTimer)?
  /// What the manager has not been told yet, because its socket was full. At most a few, as a server changes its state rarely.
  private var owed: [String] = []
  /// The status that it was told last.
  private var status = ""
  private var isTroubleTold = false

  /// - Throws: if there is no descriptor left.
  init(_ place: NotifySocket) throws(SystemCallError) {
    socket = try FileDescriptor.datagramSocket()
    address = place.address
    isWatched = place.watchdog != nil
    // At half of the manager's patience, as it advises.
    beat = max(min(place.watchdog.map { $0 / 2 } ?? Self.maximumBeat, Self.maximumBeat), Self.minimumBeat)
  }

  /// Calls `report` on `queue` from now on, each time that a sign of life is due; it has to call `live`.
  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void) {
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.setEventHandler(handler: report)
    let (seconds, attoseconds) = beat.components
    let interval = DispatchTimeInterval.nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    timer.schedule(deadline: .now() + interval, repeating: interval)
    timer.activate()
    self.timer = timer
  }

  /// - Parameter status: one line, for those who ask the manager how the server does.
  func tell(_ state: State, status: String) {
    self.status = status
    owed.append("\(state.text)\nSTATUS=\(status)")
    sendOwed()
  }

  /// Gives a sign of life, and tells the status if it has changed.
  func live(status: String) {
    sendOwed()
    var lines = isWatched ? ["WATCHDOG=1"] : []
    if status != self.status { lines.append("STATUS=\(status)") }
    if !lines.isEmpty, send(lines.joined(separator: "\n")) { self.status = status }
  }

  func close() {
    timer?.cancel()
    timer = nil
  }

  /// In their order.
  private func sendOwed() {
    while let first = owed.first, send(first) { owed.removeFirst() }
  }

  /// - Returns: false if the manager's socket is full. What a manager that is not there has not got is not kept for it.
  private func send(_ text: String) -> Bool {
    switch Array(text.utf8).withUnsafeBytes({ socket.send($0, to: address) }) {
    case .bytes, .ended: return true
    case .wouldBlock: return false
    case .failed(let error):
      if !isTroubleTold {
        StandardOutput.write(
          "[WARNING] The service manager cannot be told how the server does: \(error). A unit needs AF_UNIX among its "
            + "RestrictAddressFamilies=.\n", to: STDERR_FILENO)
      }
      isTroubleTold = true
      return true
    }
  }
}
