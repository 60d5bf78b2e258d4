import Testing

@testable import ChatServer
@testable import ChatWire

struct EarlierLinesTests {
  private static let short = String(repeating: "x", count: 60)

  @Test func `Earlier lines come whole, in order, each with its minute, in pieces that are bounded`() {
    var room = Room(logBytes: 1 << 16)
    let speaker = room.joined("a")
    var expected: [String] = []
    for number in 0..<300 {
      if number % 10 == 0 { room.mark(minute: Int32(number)) }
      let text = "\(number) \(Self.short)"
      room.hear(text, by: speaker)
      if number >= 100 { expected.append("[\(number / 10 * 10)] a: \(text)") }
    }
    var answer = EarlierLines(from: room.log.start(ofLast: 200), to: room.log.head, in: room.log)
    #expect(answer.count == 200)
    room.hear("after the question", by: speaker)
    let pieces = answer.pieces(of: room)
    #expect(pieces.allSatisfy { $0.utf8.count <= 4096 && $0.hasSuffix("\n") })
    #expect(pieces.count < 6)
    #expect(pieces.joined().split(separator: "\n").map(String.init) == expected)
  }

  @Test func `A line that is longer than a piece comes alone`() {
    var room = Room(logBytes: 1 << 16)
    let speaker = room.joined("a")
    let long = String(repeating: "x", count: 8000)
    for text in ["before", long, "after"] { room.hear(text, by: speaker) }
    var answer = EarlierLines(from: room.log.tail, to: room.log.head, in: room.log)
    #expect(answer.pieces(of: room) == ["[-] a: before\n", "[-] a: \(long)\n", "[-] a: after\n"])
  }

  @Test func `Lines that the log forgets while they are shown are counted where they are missing, and each once`() {
    var room = Room(logBytes: 1024)
    let speaker = room.joined("a")
    func hear(_ numbers: Range<Int>, in room: inout Room) {
      for number in numbers { room.hear("\(100 + number) \(Self.short)", by: speaker) }
    }
    hear(0..<10, in: &room)
    var answer = EarlierLines(from: room.log.tail, to: room.log.head, in: room.log)
    var got = answer.piece(of: room, maximumBytes: 200) ?? ""
    hear(10..<20, in: &room)
    let keptFirst = room.log.tailLine
    #expect((4...7).contains(keptFirst))
    got += answer.piece(of: room, maximumBytes: 100) ?? ""
    got += answer.piece(of: room, maximumBytes: 1) ?? ""
    hear(20..<60, in: &room)
    got += answer.pieces(of: room).joined()
    let shown = [0, 1, keptFirst]
    let lines = got.split(separator: "\n").filter { !$0.hasPrefix("*") }
    #expect(lines.map { $0.prefix(10) } == shown.map { "[-] a: \(100 + $0)" })
    let notices = got.split(separator: "\n").filter { $0.hasPrefix("*") }
    #expect(notices.count == 2)
    #expect(notices.first == "* \(keptFirst - 2) of the earlier lines are no longer kept.")
    #expect(notices.last == "* \(10 - keptFirst - 1) of the earlier lines are no longer kept.")
    #expect(answer.count == 0)
  }

  @Test func `Lines of ignored members are left out of what is shown`() {
    var room = Room(logBytes: 1024)
    let (bob, carol, reader) = (room.joined("bob"), room.joined("carol"), room.joined("r"))
    reader.ignore(bob, Token(slot: 1, generation: 1), in: room)
    room.hear("hidden", by: bob)
    room.hear("shown", by: carol)
    room.hear("hidden, too", by: bob)
    var answer = EarlierLines(from: room.log.tail, to: room.log.head, in: room.log)
    var shown = ""
    while let piece = answer.nextPiece(
      from: room.log, isIgnored: { reader.cursor.ignores(lineAt: $0, in: room.log) }, formatMinute: { _ in [] })
    {
      shown += String(decoding: piece, as: UTF8.self)
    }
    #expect(shown == " carol: shown\n")
  }
}

extension EarlierLines {
  fileprivate mutating func piece(of room: borrowing Room, maximumBytes: Int = 4096) -> String? {
    nextPiece(
      from: room.log, isIgnored: { _ in false }, formatMinute: { Array("[\($0.map(String.init) ?? "-")]".utf8) },
      maximumBytes: maximumBytes
    ).map { String(decoding: $0, as: UTF8.self) }
  }

  fileprivate mutating func pieces(of room: borrowing Room) -> [String] {
    var pieces: [String] = []
    while let piece = piece(of: room) { pieces.append(piece) }
    return pieces
  }
}
