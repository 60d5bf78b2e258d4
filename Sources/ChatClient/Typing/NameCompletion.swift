import Synchronization

/// The names that have sent something, for completion: the receive queue adds, the input thread asks.
package final class NameCompletion: Sendable {
  /// Names that are kept; beyond these, the one that has been silent for longest is forgotten.
  package static let capacity = 1000

  /// Bytes of a name at most: nobody completes a longer one, and a peer may send any.
  private static let maximumNameBytes = 32

  private struct State {
    /// For each name, the number of the message it was last seen with.
    var lastSeen: [[UInt8]: Int] = [:]
    var messages = 0
  }

  private let state = Mutex(State())

  package init() {}

  package func add(_ name: ArraySlice<UInt8>) {
    guard name.count <= Self.maximumNameBytes else { return }
    state.withLock { state in
      state.messages += 1
      state.lastSeen[Array(name)] = state.messages
      if state.lastSeen.count > Self.capacity, let oldest = state.lastSeen.min(by: { $0.value < $1.value }) {
        state.lastSeen[oldest.key] = nil
      }
    }
  }

  /// What Tab makes of a word.
  package enum Completion: Equatable {
    /// No name begins so.
    case none
    /// What to add to the word; `isWhole` says that it is a name then, and the only one.
    case adding([UInt8], isWhole: Bool)
    /// There is nothing to add, as these names go on in different ways; in order.
    case several([[UInt8]])
  }

  /// Completes `word`, whatever the case of its ASCII letters, as far as all names that begin so agree.
  package func completion(of word: [UInt8]) -> Completion {
    let names = state.withLock { $0.lastSeen.keys.filter { Self.begins($0, with: word) } }
    guard let first = names.first, !word.isEmpty else { return .none }
    var length = first.count
    for name in names.dropFirst() {
      length = min(length, zip(first, name).prefix { $0 == $1 }.count)
    }
    // Names may differ within one character of several bytes.
    while length < first.count, length > word.count, first[length] & 0xC0 == 0x80 { length -= 1 }
    if names.count > 1 && length <= word.count {
      return .several(names.sorted { $0.lexicographicallyPrecedes($1) })
    }
    return .adding(Array(first[word.count..<length]), isWhole: names.count == 1)
  }

  private static func begins(_ name: [UInt8], with word: [UInt8]) -> Bool {
    name.count >= word.count && zip(name, word).allSatisfy { folded($0) == folded($1) }
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}
