import ChatWire
import Dispatch

/// A dispatch read source for each connection, and a write source while it cannot be written.
///
/// Sources do not report in batches, so what they report is collected, and the server hears of it once, behind whatever
/// the queue holds already.
final class DispatchReadiness: Readiness {
  private final class Sources {
    let read: any DispatchSourceRead
    var write: (any DispatchSourceWrite)?
    var isReadSuspended = false

    init(read: any DispatchSourceRead) { self.read = read }
  }

  private var queue: DispatchQueue?
  private var report: (@Sendable () -> Void)?
  private var sources: [Token: Sources] = [:]
  private var waiting: [ReadyConnection] = []
  private var isReportDue = false

  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void) {
    self.queue = queue
    self.report = report
  }

  /// Notes that a connection is ready.
  private func add(_ ready: ReadyConnection) {
    waiting.append(ready)
    guard !isReportDue, let queue, let report else { return }
    isReportDue = true
    queue.async(execute: report)
  }

  func watch(_ connection: Connection) {
    let read = DispatchSource.makeReadSource(fileDescriptor: connection.descriptor.number, queue: queue)
    let ready = ReadyConnection(token: connection.token, ready: .reading)
    read.setEventHandler { self.add(ready) }
    keepOpen(connection, until: read)
    // Activated before any write source on the descriptor, and kept: the other way round it would never fire.
    read.activate()
    sources[connection.token] = Sources(read: read)
  }

  func setInterest(_ interest: Interest, of connection: Connection) {
    guard let sources = sources[connection.token] else { return }
    if interest.contains(.reading) == sources.isReadSuspended {
      sources.isReadSuspended.toggle()
      if sources.isReadSuspended {
        sources.read.suspend()
      } else {
        sources.read.resume()
        // After a hang-up a source fires once more at the most, and that may have been while nobody wanted to read.
        leftUnread(connection)
      }
    }
    if interest.contains(.writing), sources.write == nil {
      let write = DispatchSource.makeWriteSource(fileDescriptor: connection.descriptor.number, queue: queue)
      let ready = ReadyConnection(token: connection.token, ready: .writing)
      write.setEventHandler { self.add(ready) }
      keepOpen(connection, until: write)
      write.activate()
      sources.write = write
    } else if !interest.contains(.writing) {
      sources.write?.cancel()
      sources.write = nil
    }
  }

  func forget(_ connection: Connection) {
    guard let gone = sources.removeValue(forKey: connection.token) else { return }
    gone.write?.cancel()
    // A suspended source would keep its cancellation to itself.
    if gone.isReadSuspended { gone.read.resume() }
    gone.read.cancel()
  }

  func leftUnread(_ connection: Connection) { add(ReadyConnection(token: connection.token, ready: .reading)) }

  func takeReady(into list: inout [ReadyConnection], within milliseconds: CInt) -> Bool {
    list.removeAll(keepingCapacity: true)
    swap(&list, &waiting)
    isReportDue = false
    return true
  }

  func cancel() {
    report = nil
    for token in Array(sources.keys) {
      guard let gone = sources.removeValue(forKey: token) else { continue }
      gone.write?.cancel()
      if gone.isReadSuspended { gone.read.resume() }
      gone.read.cancel()
    }
  }

  /// A descriptor's number must not be used again before libdispatch has let go of it: the source holds the connection,
  /// whose end closes the descriptor, until its cancellation is through.
  private func keepOpen(_ connection: Connection, until source: any DispatchSourceProtocol) {
    let hold = Hold(connection)
    source.setCancelHandler { hold.connection = nil }
  }

  /// Lets a cancel handler, the last that libdispatch runs, drop the connection at a known moment.
  private final class Hold {
    var connection: Connection?
    init(_ connection: Connection) { self.connection = connection }
  }
}
