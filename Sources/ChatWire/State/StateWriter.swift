/// What one program hands over to the next, as bytes: a heading, and then values one behind the other, each as long as its kind
/// and its content say. `StateReader` reads them in the same order. Nothing of it outlives the two programs, or leaves the
/// machine, so numbers are as the processor has them.
package struct StateWriter {
  package private(set) var bytes = heading

  /// What every state begins with; the format follows.
  static let heading = Array("mychat state\n".utf8)
  /// To be raised with every change of what is written, or of its order: a program takes over from no other format.
  static let format: UInt16 = 1

  package init() {
    bytes.reserveCapacity(2 << 20)
    add(Self.format)
  }

  /// Writes values in turn.
  package mutating func write<each Value: StateCoded>(_ value: repeat each Value) {
    repeat (each value).write(to: &self)
  }

  /// Writes how many there are, and each by `body`, for what is `StateCoded` only in parts.
  package mutating func write<Values: Collection>(
    each values: Values, _ body: (inout StateWriter, Values.Element) -> Void
  ) {
    add(values.count)
    for value in values { body(&self, value) }
  }

  mutating func add(_ number: some FixedWidthInteger & BitwiseCopyable) {
    withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
  }

  mutating func add(counted some: some Collection<UInt8>) {
    add(some.count)
    bytes.append(contentsOf: some)
  }
}
