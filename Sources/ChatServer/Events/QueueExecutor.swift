import Dispatch

/// Runs an actor on a serial dispatch queue, so that event handlers of that queue's sources are inside the actor already.
final class QueueExecutor: SerialExecutor {
  let queue: DispatchQueue

  init(label: String) { queue = DispatchQueue(label: label) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  /// Lets `assumeIsolated` hold wherever the queue runs us.
  func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
