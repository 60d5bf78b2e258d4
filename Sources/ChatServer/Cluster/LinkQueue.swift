import ChatRedis
import ChatWire

/// Who and what waits for the link to the other servers.
struct LinkQueue {
  /// Members that wait until the link takes more lines, first come first served. None is removed early: an entry counts only
  /// while the member's hold is `.journal`.
  var forSpace: [Token] = []
  /// Members that leave once all of their lines are read back.
  var toLeave: Set<Token> = []
  /// The event that the server could not take yet, because the log had no space for it or the link was too fast. Later ones
  /// wait within the link.
  var event: LinkEvent?
  /// How fast lines come by the link.
  var bytes = ByteRateMeter()
  /// Labels for the console of members that have gone before all of their lines were read back.
  var gone: [Token: Console.PeerLabel] = [:]

  /// Takes out those who come first.
  mutating func takeForSpace(atMost count: Int) -> ArraySlice<Token> {
    let taken = forSpace.prefix(count)
    forSpace.removeFirst(taken.count)
    return taken
  }

  /// How many lines of a member stand in `event`.
  func waitingLines(of member: UInt64) -> Int {
    guard case .said(_, let speakers)? = event else { return 0 }
    return speakers.count { $0 == member }
  }
}

extension LinkQueue: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (forSpace, toLeave) = (try reader.read(), try reader.read())
    (event, bytes, gone) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(forSpace, toLeave, event, bytes, gone) }
}
