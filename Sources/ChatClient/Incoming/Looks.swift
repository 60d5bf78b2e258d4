/// How lines are shown on a terminal. A person may change it while talking (`/set`).
package struct Looks: Equatable, Sendable {
  /// Whether names have colours, and mentions are marked.
  package var isColoured: Bool
  /// Whether the time stands before each line.
  package var hasTimes: Bool
  /// Whether a mention rings the terminal's bell.
  package var rings: Bool

  /// What a person can change, by the name that they write.
  package enum Setting: String, CaseIterable, Sendable {
    case color, timestamps, bell
  }

  package subscript(setting: Setting) -> Bool {
    get {
      switch setting {
      case .color: isColoured
      case .timestamps: hasTimes
      case .bell: rings
      }
    }
    set {
      switch setting {
      case .color: isColoured = newValue
      case .timestamps: hasTimes = newValue
      case .bell: rings = newValue
      }
    }
  }
}
