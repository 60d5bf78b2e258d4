import ChatClient
import ChatWire
import TestSupport
import Testing

/// What is shown when these pieces are received one after the other, a pause being nil.
private func shown(_ pieces: [[UInt8]?]) -> [UInt8] {
  var text = LineDecoder()
  var output: [UInt8] = []
  for piece in pieces {
    if let piece { text.append(piece.span) } else { text.endMessage() }
    _ = text.withLines { output += $0 }
  }
  return output
}

private func shown(_ pieces: String?...) -> String {
  String(decoding: shown(pieces.map { $0.map { Array($0.utf8) } }), as: UTF8.self)
}

@Suite(.timeLimit(.minutes(10))) struct LineDecoderTests {
  @Test func linesAreShownWhenTheirNewlineHasCome() {
    #expect(shown("1: a\n2: b\n3:") == "1: a\n2: b\n")
    #expect(shown("1: a\n2", ": b\r\n") == "1: a\n2: b\n")
  }

  @Test func aPauseEndsAMessageAndALongerOneAfterTheFirstNewline() {
    #expect(shown("1: a", nil, "2: b", nil) == "1: a\n2: b\n")
    var text = LineDecoder()
    text.append(Array("half".utf8).span)
    #expect(text.patience == LineDecoder.silence)
    text.append(Array(" line\n".utf8).span)
    #expect(text.patience == -1)
    text.append(Array("half".utf8).span)
    #expect(text.patience == LineDecoder.longSilence)
  }

  @Test func theEndOfTheStreamEndsTheLastLine() {
    #expect(shown("1: a\n2: b", nil) == "1: a\n2: b\n")
  }

  @Test func nothingThatMovesTheCursorIsShown() {
    #expect(shown("1: \u{1B}[2J\u{7}\u{9B}\n") == "1: ^[[2J^G<U+009B>\n")
    #expect(shown([[0x31, 0xFF, 0x0A]]) == Array("1\u{FFFD}\n".utf8))
  }

  @Test func aLineWithoutEndIsShownInPiecesOfWholeCharacters() {
    let line = String(repeating: "é", count: LineDecoder.maximumLineBytes)
    let output = shown(line, "\n")
    let pieces = output.split(separator: "\n")
    #expect(pieces.count >= 2)
    #expect(pieces.allSatisfy { $0.utf8.count <= LineDecoder.maximumLineBytes })
    #expect(pieces.joined() == line)
  }

  @Test func linesAreHandedOutOnce() {
    var text = LineDecoder()
    text.append(Array("a\n".utf8).span)
    let first = text.withLines { $0 }
    #expect(first == Array("a\n".utf8))
    let second = text.withLines { $0 }
    #expect(second == nil)
  }

  @Test func howeverTheStreamIsCutItShowsWhatOneLineAfterTheOtherShows() {
    var random = SeededRandom.printed(for: "LineDecoder")
    let pieces = ["hello there, how are you", "\n", "\n", "\r\n", "\t", "é", "\u{1B}[2J", "漢字", "\u{7F}", "\r", "~ ~"]
    for _ in 0..<2_000 {
      let stream = (0..<Int.random(in: 0...30, using: &random)).flatMap { _ in
        Array((pieces.randomElement(using: &random) ?? "").utf8)
      }
      var expected: [UInt8] = []
      var lines = stream.split(separator: 0x0A, omittingEmptySubsequences: false)
      let rest = lines.removeLast()
      for line in lines + (rest.isEmpty ? [] : [rest]) {
        expected += SafeText.made(from: Array(line.last == 0x0D ? line.dropLast() : line)) + [0x0A]
      }
      var text = LineDecoder()
      var index = 0
      while index < stream.count {
        let end = min(stream.count, index + Int.random(in: 1...40, using: &random))
        text.append(stream.span.extracting(index..<end))
        index = end
      }
      text.endMessage()
      #expect((text.withLines { $0 } ?? []) == expected)
    }
  }
}
