/// What can be handed over from one program to the next: it writes all that it is, and can be made of that again.
///
/// A type is written beside its fields, so that nobody adds one and forgets it.
package protocol StateCoded {
  init(from reader: inout StateReader) throws(StateError)
  func write(to writer: inout StateWriter)
}

extension StateCoded where Self: FixedWidthInteger & BitwiseCopyable {
  package init(from reader: inout StateReader) throws(StateError) { self = try reader.number() }
  package func write(to writer: inout StateWriter) { writer.add(self) }
}

extension Int: StateCoded {}
extension Int32: StateCoded {}
extension UInt8: StateCoded {}
extension UInt16: StateCoded {}
extension UInt32: StateCoded {}
extension UInt64: StateCoded {}

extension Bool: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = false
    case 1: self = true
    case let tag: throw reader.unknown(tag, "truth value")
    }
  }

  package func write(to writer: inout StateWriter) { writer.write(UInt8(self ? 1 : 0)) }
}

extension String: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    guard let text = String(validating: try reader.countedBytes(), as: UTF8.self) else {
      throw .impossible("a text in it is not UTF-8")
    }
    self = text
  }

  package func write(to writer: inout StateWriter) { writer.add(counted: utf8) }
}

extension Optional: StateCoded where Wrapped: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self = try reader.read(Bool.self) ? try reader.read(Wrapped.self) : nil
  }

  package func write(to writer: inout StateWriter) {
    writer.write(self != nil)
    if let self { writer.write(self) }
  }
}

extension Array: StateCoded where Element: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    // Bytes are most of what there is.
    if Element.self == UInt8.self, let bytes = [UInt8](try reader.countedBytes()) as? Self {
      self = bytes
    } else {
      self = try reader.readEach { reader throws(StateError) in try reader.read() }
    }
  }

  package func write(to writer: inout StateWriter) {
    if let bytes = self as? [UInt8] { writer.add(counted: bytes) } else { writer.write(each: self) { $0.write($1) } }
  }
}

extension Set: StateCoded where Element: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) { self = Set(try reader.read([Element].self)) }
  package func write(to writer: inout StateWriter) { writer.write(each: self) { $0.write($1) } }
}

extension Dictionary: StateCoded where Key: StateCoded, Value: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    let count = try reader.count()
    self.init(minimumCapacity: count)
    for _ in 0..<count {
      let key: Key = try reader.read()
      self[key] = try reader.read(Value.self)
    }
  }

  package func write(to writer: inout StateWriter) { writer.write(each: self) { $0.write($1.key, $1.value) } }
}

extension Moment: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) { self.init(nanoseconds: try reader.read()) }
  package func write(to writer: inout StateWriter) { writer.write(nanoseconds) }
}

extension WallTime: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) { self.init(seconds: try reader.read()) }
  package func write(to writer: inout StateWriter) { writer.write(seconds) }
}

extension MemberName: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) { self.init(bytes: try reader.read()) }
  package func write(to writer: inout StateWriter) { writer.write(bytes) }
}

extension Address: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .internet(host: try reader.read(), port: try reader.read())
    case 1: self = .unix(path: try reader.read())
    case let tag: throw reader.unknown(tag, "kind of address")
    }
  }

  package func write(to writer: inout StateWriter) {
    switch self {
    case .internet(let host, let port): writer.write(UInt8(0), host, port)
    case .unix(let path): writer.write(UInt8(1), path)
    }
  }
}
