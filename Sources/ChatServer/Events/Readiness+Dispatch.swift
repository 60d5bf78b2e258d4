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

    /// Owns the descriptor.
    let owner: AnyObject

    init(read: any DispatchSourceRead, owner: AnyObject) {
      self.read = read
      self.owner = owner
    }
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

  let isLevelTriggered = false

  func watch(_ descriptor: CInt, as token: Token, keptOpenBy owner: AnyObject) {
    let read = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
    let ready = ReadyConnection(token: token, ready: .reading)
    read.setEventHandler { self.add(ready) }
    keep(owner, until: read)
    // Activated before any write source on the descriptor, and kept: the other way round it would never fire.
    read.activate()
    sources[token] = Sources(read: read, owner: owner)
  }

  func setInterest(_ interest: Interest, insteadOf old: Interest, of descriptor: CInt, as token: Token) {
    guard let sources = sources[token] else { return }
    if interest.contains(.reading) == sources.isReadSuspended {
      sources.isReadSuspended.toggle()
      if sources.isReadSuspended {
        sources.read.suspend()
      } else {
        sources.read.resume()
      }
    }
    if interest.contains(.writing), sources.write == nil {
      let write = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: queue)
      let ready = ReadyConnection(token: token, ready: .writing)
      write.setEventHandler { self.add(ready) }
      keep(sources.owner, until: write)
      write.activate()
      sources.write = write
    } else if !interest.contains(.writing) {
      sources.write?.cancel()
      sources.write = nil
    }
  }

  func forget(_ descriptor: CInt, as token: Token, interest: Interest) {
    guard let gone = sources.removeValue(forKey: token) else { return }
    gone.write?.cancel()
    // A suspended source never runs its cancel handler.
    if gone.isReadSuspended { gone.read.resume() }
    gone.read.cancel()
  }

  func takeReady(into list: inout [ReadyConnection], within nanoseconds: UInt64) -> Bool {
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

  /// A descriptor's number must not be used again before libdispatch has let go of it, so its owner lives until the
  /// source's cancellation is through.
  private func keep(_ owner: AnyObject, until source: any DispatchSourceProtocol) {
    let keeper = Keeper(owner)
    source.setCancelHandler { keeper.owner = nil }
  }

  /// Lets a cancel handler, the last that libdispatch runs, drop the owner at a known moment.
  private final class Keeper {
    var owner: AnyObject?
    init(_ owner: AnyObject) { self.owner = owner }
  }
}
