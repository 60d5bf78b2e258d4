import ChatRedis

/// Who and what waits for the link to the other servers.
struct LinkQueue {
  /// Members that wait until the link takes more lines, in the order in which they get on. One counts only while its hold says
  /// so.
  var forSpace: [Token] = []
  /// Members that leave once all of their lines are read back.
  var toLeave: Set<Token> = []
  /// What the link has told and the log had no space for, or which comes too fast. What came after it waits within the link.
  var event: LinkEvent?
  /// How fast others say something.
  var bytes = ByteRateMeter()
  /// How the console shows members that have gone before all of their lines were read back.
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
