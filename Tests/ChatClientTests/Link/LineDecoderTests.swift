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
    for line in text.takeLines() { output += line.bytes + [0x0A] }
  }
  return output
}

private func shown(_ pieces: String?...) -> String {
  String(decoding: shown(pieces.map { $0.map { Array($0.utf8) } }), as: UTF8.self)
}

/// Which lines are shown when, if `receives` bring these texts at these times in milliseconds. Those of one time follow without
/// a pause.
private func lines(_ receives: [(time: Int, text: String)]) -> [(time: Int, text: String)] {
  var decoder = LineDecoder()
  var shown: [(time: Int, text: String)] = []
  func take(at time: Int) { shown += decoder.takeLines().map { (time, String(decoding: $0.bytes, as: UTF8.self)) } }
  var last = 0
  for receive in receives + [(time: 1_000_000, text: "")] {
    if receive.time > last { decoder.endBurst() }
    if decoder.timeout >= 0, receive.time >= last + Int(decoder.timeout) {
      last += Int(decoder.timeout)
      decoder.endMessage()
      take(at: last)
    }
    if !receive.text.isEmpty { decoder.append(Array(receive.text.utf8).span) }
    last = receive.time
    take(at: last)
  }
  return shown
}

@Suite(.timeLimit(.minutes(10))) struct LineDecoderTests {
  @Test func `Lines are shown when their newline has come`() {
    #expect(shown("1: a\n2: b\n3:") == "1: a\n2: b\n")
    #expect(shown("1: a\n2", ": b\r\n") == "1: a\n2: b\n")
  }

  @Test func `A message without newline is a line of its own within 150 milliseconds`() {
    for before in ["", "8: with a newline\n", "8: one\n9: two\n8: three\r\n"] {
      let shown = lines([(0, before), (1000, "1: one"), (1300, "1: two"), (1400, "2: three"), (2000, "3: four\n")])
      #expect(shown.map(\.text).suffix(4) == ["1: one", "1: two", "2: three", "3: four"])
      #expect(shown.map(\.time).suffix(4) == [1100, 1400, 1500, 2000])
    }
  }

  @Test(arguments: ["2: two", "50123:two", "bob: two\n"]) func `What begins like a message ends the fragment before`(
    next: String
  ) {
    let shown = lines([(0, "7: hi\n"), (10, "1: one"), (20, next)])
    #expect(shown.map(\.text) == ["7: hi", "1: one", next.replacing("\n", with: "")])
    #expect(shown.map(\.time).prefix(2) == [0, 20])
  }

  @Test func `Once a message had to be ended, what is received next is another`() {
    let shown = lines([(0, "<ann> one"), (500, "<bob> two"), (510, "<ann> three\n"), (520, "four")])
    #expect(shown.map(\.text) == ["<ann> one", "<bob> two", "<ann> three", "four"])
  }

  /// Lines of our server that fill a segment, torn in the middle of the last.
  private let batch = String(repeating: "1: hello there, how are you?\n", count: 48)

  @Test(arguments: [10, 900]) func `A torn line stays whole`(pause: Int) {
    let whole = "2: look at this: it stays whole"
    for cut in 1..<whole.utf8.count {
      let (head, tail) = (String(whole.prefix(cut)), String(whole.dropFirst(cut)))
      #expect(lines([(0, batch + head), (pause, tail + "\n")]).map(\.text).last == whole)
    }
  }

  @Test func `A torn line stays whole also at a server that sends raw messages`() {
    let shown = lines([
      (0, "1: raw"), (500, batch + "2: torn in"), (510, " pieces\n"), (520, "3: raw"), (600, "4: raw"),
    ])
    #expect(shown.map(\.text).suffix(3) == ["2: torn in pieces", "3: raw", "4: raw"])
  }

  @Test func `A server that has completed a torn line has patience for any that pauses`() {
    let shown = lines([
      (0, batch + "2: to"), (10, "rn\n"), (500, "3: pau"), (1400, "sed\n"), (1500, "4: c"), (1600, "d: e\n"),
    ])
    #expect(shown.map(\.text).suffix(3) == ["2: torn", "3: paused", "4: cd: e"])
  }

  @Test(arguments: [0, 10]) func `A newline behind a large fragment proves nothing if it ends the next message`(
    pause: Int
  ) {
    let fragment = "1: " + String(repeating: "x", count: 1200)
    let shown = lines([(0, fragment), (pause + 10, "2: two\n"), (pause + 500, "3: one"), (pause + 510, "4: two")])
    #expect(shown.map(\.text).suffix(2) == ["3: one", "4: two"])
  }

  @Test func `A line stays whole that was torn just behind a receive that ended with a newline`() {
    #expect(lines([(0, batch), (0, "2: hel"), (300, "lo world\n")]).map(\.text).last == "2: hello world")
  }

  @Test func `The end of the stream ends the last line`() {
    #expect(shown("1: a\n2: b", nil) == "1: a\n2: b\n")
  }

  @Test func `Nothing that moves the cursor is shown`() {
    #expect(shown("1: \u{1B}[2J\u{7}\u{9B}\n") == "1: ^[[2J^G<U+009B>\n")
    #expect(shown([[0x31, 0xFF, 0x0A]]) == Array("1\u{FFFD}\n".utf8))
  }

  @Test func `A line without end is shown in pieces of whole characters`() {
    let line = String(repeating: "é", count: LineDecoder.maximumLineBytes)
    let output = shown(line, "\n")
    let pieces = output.split(separator: "\n")
    #expect(pieces.count >= 2)
    #expect(pieces.allSatisfy { $0.utf8.count <= LineDecoder.maximumLineBytes })
    #expect(pieces.joined() == line)
  }

  @Test func `Lines are handed out once`() {
    var decoder = LineDecoder()
    decoder.append(Array("a\n".utf8).span)
    #expect(Array(decoder.takeLines()) == [ServerLine(Array("a".utf8)[...])])
    #expect(decoder.takeLines().isEmpty)
  }

  @Test func `However the stream is cut, it shows what one line after the other shows`() {
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
      #expect(text.takeLines().flatMap { $0.bytes + [0x0A] } == expected)
    }
  }
}
