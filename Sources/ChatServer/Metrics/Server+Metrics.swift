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

  /// Begins to give out the counters.
  /// - Returns: where they can be asked for.
  /// - Throws: if that address cannot be had; then nothing has begun.
  func startMetrics() throws(ListenError) -> [Address] {
    var addresses: [Address] = []
    if let address = configuration.metricsAddress {
      let listener: MetricsListener
      do throws(SystemCallError) {
        listener = try MetricsListener { [weak self] then in
          guard let self else { return }
          self.queue.async { self.assumeIsolated { then($0.currentCounters) } }
        }
      } catch { throw ListenError(address, error) }
      addresses = try listener.open(at: address)
      metrics.listener = listener
    }
    if let file = metrics.file {
      let timer = DispatchSource.makeTimerSource(queue: queue)
      timer.setEventHandler { self.assumeIsolated { file.save($0.currentCounters) } }
      timer.schedule(deadline: .now(), repeating: MetricsFile.interval, leeway: .seconds(1))
      timer.activate()
      metrics.timer = timer
    }
    return addresses
  }
}
