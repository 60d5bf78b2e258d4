import ChatWire
import Dispatch

/// Where the counters go; nil for what was not asked for.
struct Metrics {
  let file: MetricsFile?
  var listener: MetricsListener?
  /// Says when the file is due.
  var timer: (any DispatchSourceTimer)?

  init(file: MetricsFile?) { self.file = file }

  /// Ends all but the file.
  mutating func close() {
    timer?.cancel()
    timer = nil
    listener?.close()
    listener = nil
  }
}

extension Server {
  package static let version = "1.0.0"

  /// Lets the counters be asked for.
  /// - Returns: where; nowhere if the server was not told to.
  /// - Throws: if that address cannot be had.
  func openMetrics() throws(ListenError) -> [Address] {
    guard let address = configuration.metricsAddress else { return [] }
    let listener: MetricsListener
    do throws(SystemCallError) {
      listener = try MetricsListener { [weak self] then in
        guard let self else { return }
        self.queue.async { self.assumeIsolated { then($0.currentCounters) } }
      }
    } catch { throw ListenError(address, error) }
    let addresses = try listener.open(at: address)
    metrics.listener = listener
    return addresses
  }

  /// Has the counters written into their file, if there is one, from now on.
  func saveMetrics() {
    guard let file = metrics.file else { return }
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.setEventHandler { self.assumeIsolated { file.save($0.currentCounters) } }
    timer.schedule(deadline: .now(), repeating: MetricsFile.interval, leeway: .seconds(1))
    timer.activate()
    metrics.timer = timer
  }
}
