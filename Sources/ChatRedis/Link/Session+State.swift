import ChatWire

/// What a program hands over of its link. Its connections stay behind: what they still deliver is shut out by the fence that the
/// next `hello` raises, and turns that were on their way are settled by its answer.
extension Session {
  /// The link of another program, with the same id, but not connected.
  package init(from reader: inout StateReader, address: RedisAddress) throws(StateError) {
    self.init(server: try reader.read(), address: address)
    (standing, availability) = (try reader.read(), try reader.read())
    (isEntering, hasWorked) = (try reader.read(), try reader.read())
    (turns, events) = (try reader.read(), try reader.read())
    (complaints, doubtsAppending, warning) = (try reader.read(), try reader.read(), try reader.read())
  }

  package func write(to writer: inout StateWriter) {
    var doubtsAppending = doubtsAppending
    if case .working(let work) = stage { doubtsAppending = work.turnsAsked > 0 }
    writer.write(server, standing, availability, isEntering, hasWorked, turns)
    writer.write(Array(events[nextEventIndex...]), complaints, doubtsAppending, warning)
  }
}

extension Session.Standing: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .outside
    case 1: self = .inside(try reader.read())
    case 2: self = .behind(try reader.read())
    case 3: self = .deceived(try reader.read())
    case let tag: throw reader.unknown(tag, "standing in the room")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .outside: writer.write(UInt8(0))
    case .inside(let place): writer.write(UInt8(1), place)
    case .behind(let place): writer.write(UInt8(2), place)
    case .deceived(let place): writer.write(UInt8(3), place)
    }
  }
}

extension Session.Place: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    self.init(
      epoch: try reader.read(), begun: try reader.read(), position: try reader.read(), source: try reader.read(),
      boxID: try reader.read(), emptiedUpTo: try reader.read())
    if try reader.read(Bool.self) { arrival = (try reader.read(), try reader.read()) }
  }

  func write(to writer: inout StateWriter) {
    writer.write(epoch, begun, position, source, boxID, emptiedUpTo, arrival != nil)
    if let arrival { writer.write(arrival.position, arrival.snapshot) }
  }
}

extension Session.Availability: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .working
    case 1: self = .missing(until: try reader.read())
    case 2: self = .down
    case let tag: throw reader.unknown(tag, "state of the link")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .working: writer.write(UInt8(0))
    case .missing(let until): writer.write(UInt8(1), until)
    case .down: writer.write(UInt8(2))
    }
  }
}
