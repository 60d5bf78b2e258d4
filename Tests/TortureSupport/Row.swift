import TestSupport

/// How much of a row is run: all that was promised, or what a shared machine can do in seconds.
package enum Size: Sendable {
  case full
  case small

  /// Arguments of the server. A small run shares its machine, which may keep the reading thread from running for more than the
  /// second that the room waits by default: its listeners would be overtaken.
  package var patience: [String] { of([], small: ["--patience", "5"]) }

  package func of<Value>(_ full: Value, small: Value) -> Value { self == .full ? full : small }
}

/// One promise: what happens to the programs, the figure to reach, and the code that measures it.
package struct Row: Sendable {
  package let number: Int
  /// What happens, as a sentence.
  package let sentence: String
  /// The figure to reach at full size.
  package let asked: String
  private let body: @Sendable (Size, inout Outcome) throws -> Void

  package init(
    _ number: Int, _ sentence: String, asked: String,
    body: @escaping @Sendable (_ size: Size, _ outcome: inout Outcome) throws -> Void
  ) {
    self.number = number
    self.sentence = sentence
    self.asked = asked
    self.body = body
  }

  /// Runs the row; an error it throws becomes a failure of the outcome.
  package func run(_ size: Size) -> Outcome {
    var outcome = Outcome(size: size)
    do { try body(size, &outcome) } catch let skip as Skipped {
      outcome.skipped = skip.reason
    } catch {
      outcome.failures.append("\(error)")
    }
    return outcome
  }
}

/// What a row has found.
package struct Outcome: Sendable {
  private let size: Size
  /// Figures, in the order in which they were measured.
  package fileprivate(set) var measured: [String] = []
  /// Figures that miss what was asked.
  package fileprivate(set) var failures: [String] = []
  /// Why the row could not be run here; nil if it was.
  package fileprivate(set) var skipped: String?

  package var passed: Bool { failures.isEmpty && skipped == nil }

  package init(size: Size) { self.size = size }

  /// Records a figure that has to hold at every size.
  package mutating func check(_ holds: Bool, _ figure: String) {
    measured.append(figure)
    if !holds { failures.append(figure) }
  }

  /// Records a figure of time or load. It is judged at full size only, because a small run shares its machine.
  package mutating func judge(_ holds: Bool, _ figure: String) {
    check(holds || size == .small, figure)
  }
}
