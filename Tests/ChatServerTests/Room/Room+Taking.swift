import Glibc

@testable import ChatServer
@testable import ChatWire

extension Room {
  init(logBytes: Int) { self.init(logBytes: logBytes, maximumLineBytes: Configuration().maximumLineBytes) }

  init(from reader: inout StateReader, logBytes: Int) throws(StateError) {
    try self.init(from: &reader, logBytes: logBytes, maximumLineBytes: Configuration().maximumLineBytes)
  }

  mutating func joined(_ name: String) -> Member {
    let member = Member(name: MemberName(bytes: Array(name.utf8)), cursor: Cursor(joining: log))
    join(member)
    return member
  }
}

extension Room {
  /// Says a text that the log has space for.
  mutating func hear(_ text: String, by member: Member) { _ = say(Array(text.utf8).span, by: member) }
}

extension Member {
  /// What the member is given of at most `bytes`.
  @discardableResult
  func take(_ bytes: Int, in room: borrowing Room) -> String {
    var taken: [UInt8] = []
    var sent = 0
    _ = cursor.deliver(from: room.log, budget: 1 << 30, sent: &sent) { pieces in
      guard taken.count < bytes else { return .wouldBlock }
      let count = min(bytes - taken.count, pieces[0].iov_len)
      taken += UnsafeRawBufferPointer(start: pieces[0].iov_base, count: count)
      return .bytes(count)
    }
    return String(decoding: taken, as: UTF8.self)
  }

  /// All that is due to the member.
  func stream(in room: borrowing Room) -> String { take(.max, in: room) }
}
