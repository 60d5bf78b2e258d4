import ChatWire
import TestSupport
import Testing

/// What a framer hands out, in a form that can be compared.
enum Event: Equatable, CustomStringConvertible {
  case line([UInt8])
  case unterminated([UInt8])
  case tooLong

  init(_ frame: LineFramer.Frame, _ bytes: Span<UInt8>) {
    let bytes = bytes.withUnsafeBufferPointer(Array.init)
    switch frame {
    case .line: self = .line(bytes)
    case .unterminated: self = .unterminated(bytes)
    case .tooLong: self = .tooLong
    }
  }

  var description: String {
    switch self {
    case .line(let bytes): "line(\(shown(bytes)))"
    case .unterminated(let bytes): "unterminated(\(shown(bytes)))"
    case .tooLong: "tooLong"
    }
  }
}

/// What comes of a stream that arrives in these pieces and then falls silent.
/// - Parameter refuses: asked for each frame; one that is refused is offered again with the next piece.
func events(
  of pieces: [some Collection<UInt8>], limit: Int, _ overlong: LineFramer.Overlong = .skip,
  refusing refuses: () -> Bool = { false }
) -> [Event] {
  var framer = LineFramer(maximumLineBytes: limit, overlong: overlong)
  var events: [Event] = []
  let take = { (frame: LineFramer.Frame, bytes: Span<UInt8>) in
    if refuses() { return false }
    events.append(Event(frame, bytes))
    return true
  }
  var waiting: [UInt8] = []
  for piece in pieces {
    waiting += piece
    waiting.removeFirst(framer.consume(waiting.span, take))
  }
  while !waiting.isEmpty { waiting.removeFirst(framer.consume(waiting.span, take)) }
  while !framer.endMessage(take) {}
  return events
}

extension LineFramer {
  @discardableResult
  fileprivate mutating func take(_ text: String, _ body: (Frame, Span<UInt8>) -> Bool) -> Int {
    consume(Array(text.utf8).span, body)
  }
}

@Suite(.timeLimit(.minutes(10))) struct LineFramerTests {
  private func events(_ text: String, limit: Int = 4, _ overlong: LineFramer.Overlong = .skip) -> [Event] {
    ChatWireTests.events(of: [Array(text.utf8)], limit: limit, overlong)
  }

  private func line(_ text: String) -> Event { .line(Array(text.utf8)) }
  private func unterminated(_ text: String) -> Event { .unterminated(Array(text.utf8)) }

  @Test func `LF ends a line, and CR LF does`() {
    #expect(events("a\nb\r\n\nc\n") == [line("a"), line("b"), line(""), line("c")])
  }

  @Test func `A CR within a line is part of it`() {
    #expect(events("a\rb\n") == [line("a\rb")])
    #expect(events("a\r\r\n") == [line("a\r")])
  }

  @Test func `A line may be as long as the limit, whatever ends it`() {
    #expect(events("abcd\nabcd\r\n") == [line("abcd"), line("abcd")])
  }

  @Test func `A line over the limit costs one notice and is skipped to its newline`() {
    #expect(events("abcde\nf\n") == [.tooLong, line("f")])
    #expect(events("abcdefghijklmnopqrst\nf\n") == [.tooLong, line("f")])
    #expect(events("abcd\r\r\nf\n") == [.tooLong, line("f")])
  }

  @Test func `What has no newline yet is a message after a pause`() {
    #expect(events("abc") == [unterminated("abc")])
    #expect(events("abcd\r") == [unterminated("abcd")])
    #expect(events("a\nbc") == [line("a"), unterminated("bc")])
    #expect(events("abcdef") == [.tooLong])
    #expect(events("") == [])
  }

  @Test func `Split cuts a long line between code points`() {
    #expect(events("abcdefghij\n", .split) == [line("abcd"), line("efgh"), line("ij")])
    #expect(events("aéé\n", .split) == [line("aé"), line("é")])
    #expect(events("ab日本\n", .split) == [line("ab"), line("日"), line("本")])
    #expect(events("abc👍\n", .split) == [line("abc"), line("👍")])
    #expect(events("abcdefgh", .split) == [line("abcd"), unterminated("efgh")])
  }

  @Test func `Split makes no empty line of a CR LF after a whole number of pieces`() {
    let pieces = ["abcdefgh\r", "\nx\n"].map { Array($0.utf8) }
    #expect(ChatWireTests.events(of: pieces, limit: 4, .split) == [line("abcd"), line("efgh"), line("x")])
  }

  @Test func `Only until the first newline does a pause end a message`() {
    var framer = LineFramer(maximumLineBytes: 8, overlong: .skip)
    #expect(!framer.awaitsSilence && !framer.hasSeenNewline)
    framer.take("hi") { _, _ in true }
    #expect(framer.awaitsSilence && framer.heldBytes == 2)
    #expect(framer.endMessage { _, _ in true })
    #expect(!framer.awaitsSilence && framer.heldBytes == 0)
    framer.take("hi\nyo") { _, _ in true }
    #expect(framer.hasSeenNewline && !framer.awaitsSilence && framer.heldBytes == 2)
  }

  @Test func `A peer without newlines that was too long is heard again after a pause`() {
    var framer = LineFramer(maximumLineBytes: 4, overlong: .skip)
    var events: [Event] = []
    for _ in 0..<3 {
      framer.take("abc") {
        events.append(Event($0, $1))
        return true
      }
    }
    #expect(framer.awaitsSilence)
    _ = framer.endMessage {
      events.append(Event($0, $1))
      return true
    }
    framer.take("fine") {
      events.append(Event($0, $1))
      return true
    }
    _ = framer.endMessage {
      events.append(Event($0, $1))
      return true
    }
    #expect(events == [.tooLong, unterminated("fine")])
  }

  @Test func `A refused frame and all after it have not come yet`() {
    var framer = LineFramer(maximumLineBytes: 8, overlong: .skip)
    #expect(framer.take("he") { _, _ in true } == 2)
    var offered: [Event] = []
    let rest = "llo\nyou\n"
    #expect(
      framer.take(rest) {
        offered.append(Event($0, $1))
        return false
      } == 0)
    #expect(framer.heldBytes == 2 && !framer.hasSeenNewline)
    #expect(
      framer.take(rest) {
        offered.append(Event($0, $1))
        return offered.count < 3
      } == 4)
    #expect(
      framer.take("you\n") {
        offered.append(Event($0, $1))
        return true
      } == 4)
    #expect(offered == [line("hello"), line("hello"), line("you"), line("you")])
  }
}
