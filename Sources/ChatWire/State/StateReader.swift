/// Reads what a `StateWriter` has written. It takes nothing for granted: whatever the bytes are, reading ends or throws.
package struct StateReader {
  private let state: [UInt8]
  /// Where the next value begins.
  private var position: Int

  package init(_ state: [UInt8]) throws(StateError) {
    self.state = state
    position = StateWriter.heading.count
    guard state.starts(with: StateWriter.heading) else { throw .foreign }
    let format: UInt16 = try number()
    guard format == StateWriter.format else { throw .format(format) }
  }

  package mutating func read<Value: StateCoded>(_: Value.Type = Value.self) throws(StateError) -> Value {
    try Value(from: &self)
  }

  /// Reads what was written one by one.
  package mutating func readEach<Value>(
    _ body: (inout StateReader) throws(StateError) -> Value
  ) throws(StateError) -> [Value] {
    let count = try count()
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try body(&self)) }
    return values
  }

  /// Reads which case of an enumeration follows.
  package mutating func readTag() throws(StateError) -> UInt8 { try number() }

  /// - Parameter what: the enumeration, as in `kind of hold`.
  package func unknown(_ tag: UInt8, _ what: StaticString) -> StateError {
    .unknown(what, tag: tag, at: position - 1)
  }

  /// To be called when everything is read.
  package func finish() throws(StateError) { if position < state.count { throw .rest(bytes: state.count - position) } }

  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>() throws(StateError) -> Number {
    let size = MemoryLayout<Number>.size
    guard state.count - position >= size else { throw .tooShort(at: position) }
    defer { position += size }
    return state.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Number.self) }
  }

  mutating func countedBytes() throws(StateError) -> ArraySlice<UInt8> {
    let count = try count()
    defer { position += count }
    return state[position..<position + count]
  }

  /// How many values follow. No value is shorter than a byte, so a false count asks for no memory.
  package mutating func count() throws(StateError) -> Int {
    let count: Int = try number()
    guard (0...state.count - position).contains(count) else { throw .tooShort(at: position) }
    return count
  }
}

/// Why a program cannot go on with what another one has written.
package enum StateError: Error, Equatable, CustomStringConvertible {
  case foreign
  case format(UInt16)
  /// It ends within a value.
  case tooShort(at: Int)
  case rest(bytes: Int)
  case unknown(StaticString, tag: UInt8, at: Int)
  /// What was read cannot be; the text says what.
  case impossible(String)

  package static func == (left: Self, right: Self) -> Bool { left.description == right.description }

  package var description: String {
    switch self {
    case .foreign: "it is not what a mychatserver hands over"
    case .format(let format): "it is in format \(format), and this program knows format \(StateWriter.format)"
    case .tooShort(let position): "it ends too early, within what begins at byte \(position)"
    case .rest(let bytes): "it has \(bytes) bytes more than this program knows"
    case .unknown(let what, let tag, let position): "at byte \(position) stands \(tag), which is no \(what)"
    case .impossible(let what): what
    }
  }
}
