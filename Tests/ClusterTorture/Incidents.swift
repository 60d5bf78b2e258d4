/// What happens to the programs while members talk: steps, each a while after the one before.
struct Incidents {
  private var steps: [(wait: Double, act: () throws -> Void)] = []
  private var next = 0
  private var lastStepAt: UInt64?

  /// Adds a step.
  /// - Parameter seconds: how long after the step before, or after the start.
  mutating func after(_ seconds: Double, _ act: @escaping () throws -> Void) { steps.append((seconds, act)) }

  /// Does the step that is due.
  /// - Returns: whether all have been done.
  mutating func areOver(at now: UInt64) throws -> Bool {
    guard next < steps.count else { return true }
    let last = lastStepAt ?? now
    lastStepAt = last
    if now >= last + UInt64(steps[next].wait * 1e9) {
      try steps[next].act()
      next += 1
      lastStepAt = now
    }
    return next == steps.count
  }
}
