import ChatWire
import TestSupport
import Testing

/// Where the network cuts a stream must not show: every way to cut it gives what the whole gives.
@Suite(.timeLimit(.minutes(10))) struct LineFramerSplitTests {
  static let limit = 6
  static let streams =
    [
      "one\ntwo\nthree\n",
      "one\r\ntwo\r\n\r\n\n",
      "in\rside\r\r\n\rx\n",
      "sixsix\nsixsix\r\nsixsix\rx\n",
      "seven77\nok\n",
      "seven77\r\nok\r\n",
      "far too long for it\nok\nagain too long\r\nok\n",
      "no newline",
      "short",
      "sixsix\r",
      "seven77\r",
      "a\nleft",
      "a\ntoo long and left",
      "twelvetwelve\r\nx\n",
      "twelvetwelve\r",
      "äöüäöü\n",
      "日本語の行\nok\n",
      "a👍👍👍\r\nab👍\nabc👍👍",
      "\u{301}\u{301}\u{301}\u{301}\u{301}\n",
      "\n\n\r\n\r\r\n",
      "\r",
      "",
    ].map { Array($0.utf8) } + [
      [0x61, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x0A],
      [0x61, 0x62, 0x63, 0x64, 0x65, 0xF0, 0x9F, 0x0A, 0xFF, 0xFE, 0x0A],
    ]

  @Test(arguments: streams, [LineFramer.Overlong.skip, .split])
  func `Every cut into two or three pieces gives what the whole gives`(
    _ stream: [UInt8], _ overlong: LineFramer.Overlong
  ) throws {
    let whole = naiveEvents(of: stream, limit: Self.limit, overlong)
    try #require(events(of: [stream], limit: Self.limit, overlong) == whole)
    try #require(events(of: stream.map { [$0] }, limit: Self.limit, overlong) == whole)
    for first in 0...stream.count {
      for second in first...stream.count {
        let pieces = [stream[..<first], stream[first..<second], stream[second...]]
        try #require(events(of: pieces, limit: Self.limit, overlong) == whole, "cut at \(first) and \(second)")
      }
    }
  }

  @Test(arguments: streams) func `Refusing each frame once changes nothing`(_ stream: [UInt8]) throws {
    let whole = naiveEvents(of: stream, limit: Self.limit, .skip)
    for first in 0...stream.count {
      for second in first...stream.count {
        var refused = false
        let pieces = [stream[..<first], stream[first..<second], stream[second...]]
        let came = events(of: pieces, limit: Self.limit) {
          refused.toggle()
          return refused
        }
        try #require(came == whole, "cut at \(first) and \(second)")
      }
    }
  }

  @Test func `Random streams in random pieces, with random refusals, give what a naive framer gives`() throws {
    var random = SeededRandom.printed(for: "LineFramer")
    // Line ends, continuation bytes and leads are frequent: they are where a framer can err.
    let alphabet: [UInt8] = Array("ab\n\n\r\r".utf8) + [0x80, 0xBF, 0xC3, 0xE2, 0xF0]
    for _ in 0..<5000 {
      let limit = Int.random(in: 1...12, using: &random)
      let stream = (0..<Int.random(in: 0...60, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
      var pieces: [ArraySlice<UInt8>] = []
      var start = 0
      while start < stream.count {
        let end = min(stream.count, start + Int.random(in: 1...10, using: &random))
        pieces.append(stream[start..<end])
        start = end
      }
      try #require(events(of: pieces, limit: limit, .split) == naiveEvents(of: stream, limit: limit, .split))
      var refusals = random
      let skipped = events(of: pieces, limit: limit) { Int.random(in: 0..<4, using: &refusals) == 0 }
      try #require(skipped == naiveEvents(of: stream, limit: limit, .skip))
    }
  }
}

/// What a stream means, told of the whole of it at once.
private func naiveEvents(of stream: [UInt8], limit: Int, _ overlong: LineFramer.Overlong) -> [Event] {
  var lines = stream.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
  let last = lines.removeLast()
  var events: [Event] = []
  for (line, isEnded) in lines.map({ ($0, true) }) + (last.isEmpty ? [] : [(last, false)]) {
    let text = line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : line
    if text.count > limit && overlong == .skip {
      events.append(.tooLong)
      continue
    }
    let pieces = naivePieces(of: text, limit: limit)
    events += pieces.dropLast().map { .line($0) }
    events += pieces.suffix(1).map { isEnded ? .line($0) : .unterminated($0) }
  }
  return events
}

/// A code point has at most 4 bytes: the last place within them that is no continuation byte, or the limit if there is none.
private func naivePieces(of text: [UInt8], limit: Int) -> [[UInt8]] {
  guard text.count > limit else { return [text] }
  let places = max(1, limit - 3)...limit
  let cut = places.last { text[$0] & 0xC0 != 0x80 } ?? limit
  return [Array(text[..<cut])] + naivePieces(of: Array(text[cut...]), limit: limit)
}
