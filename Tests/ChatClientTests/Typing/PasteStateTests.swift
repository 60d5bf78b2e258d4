import ChatClient
import ChatWire
import Testing

private let start = Moment(nanoseconds: 1_000_000_000)
private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func line(_ before: String, _ after: String = "") -> LineParts {
  LineParts(before: bytes(before), after: bytes(after))
}

extension PasteState {
  /// Takes in all of `text` as the editor does, never more than is wanted.
  fileprivate mutating func receive(_ text: String, asksIfLong: Bool = true) {
    begin(at: start)
    var rest = bytes(text)[...] + Paste.end
    while wantedBytes > 0, !rest.isEmpty {
      let piece = rest.prefix(wantedBytes)
      rest = rest.dropFirst(piece.count)
      let hasEnded = append(Array(piece), at: start, isInterrupt: false, asksIfLong: asksIfLong)
      #expect(hasEnded == rest.isEmpty)
    }
    #expect(rest.isEmpty && wantedBytes == 0)
  }

  /// Hands out the lines that follow the one that was entered.
  fileprivate mutating func restOfLines() -> [String] {
    var lines: [String] = []
    while let line = nextLine() { lines.append(String(decoding: line, as: UTF8.self)) }
    return lines
  }
}

@Suite(.timeLimit(.minutes(10))) struct PasteStateTests {
  private var paste = PasteState.idle
  private let longBlock = "1\r2\r3\r4\r5\r6\r"

  @Test(arguments: ["", "x", "\u{1B}[201", "\u{1B}\u{1B}[20", "a\u{1B}[201\u{1B}[2"])
  mutating func aBlockIsReadAsFarAsItsEndAndNoFurther(text: String) {
    paste.receive(text)
    #expect(paste == .ready(Paste(bytes(text)), line: nil, isKeyHandedOut: false))
  }

  @Test(arguments: [
    ("word", PasteState.Insertion.edit(line("a word", "b"))),
    ("", .edit(line("a ", "b"))),
    ("one\r", .edit(line("a one", "b"))),
    ("\r", .edit(line("a ", "b"))),
    ("\rone", .enter(bytes("a "))),
    ("one\r\r", .edit(line("a one", "b"))),
    ("one\r\rtwo", .enter(bytes("a one"))),
    ("one\rtwo", .enter(bytes("a one"))),
  ])
  mutating func aBlockIsInsertedAtTheCursor(text: String, expected: PasteState.Insertion) {
    paste.receive(text)
    _ = paste.handOutKey()
    let insertion = paste.insert(into: line("a ", "b"))
    #expect(insertion == expected)
  }

  @Test mutating func linesGoOutInOrderAndTheRestIsEditedAtTheCursor() {
    paste.receive("one\r\rtwo\rthree")
    let insertion = paste.insert(into: line("", "behind"))
    #expect(insertion == .enter(bytes("one")))
    let lines = paste.restOfLines()
    #expect(lines == ["", "two"])
    _ = paste.handOutKey()
    let rest = paste.insert(into: line(""))
    #expect(rest == .edit(line("three", "behind")))
    #expect(paste == .idle)
  }

  @Test mutating func aBlockThatEndsWithALineLeavesNothing() {
    paste.receive("one\rtwo\r")
    let insertion = paste.insert(into: line(""))
    #expect(insertion == .enter(bytes("one")))
    let lines = paste.restOfLines()
    #expect(lines == ["two"])
    #expect(paste == .idle)
  }

  @Test(arguments: [(true, "6"), (false, nil)])
  mutating func aLongBlockIsAskedAbout(isYes: Bool, lastLine: String?) {
    paste.receive(String(longBlock.dropLast()))
    #expect(paste.question?.sendableLines == 6)
    let unsentLines = paste.answer(isYes: isYes)
    #expect(paste.question == nil && unsentLines == (isYes ? 0 : 6))
    guard let lastLine else {
      #expect(paste == .idle)
      return
    }
    let insertion = paste.insert(into: line(""))
    #expect(insertion == .enter(bytes("1")))
    let lines = paste.restOfLines()
    #expect(lines.last == lastLine)
  }

  @Test mutating func nobodyIsAskedWithoutTheGuard() {
    paste.receive(longBlock, asksIfLong: false)
    #expect(paste == .ready(Paste(bytes(longBlock)), line: nil, isKeyHandedOut: false))
  }

  @Test mutating func aBlockThatArrivesDuringTheQuestionBelongsToIt() {
    paste.receive(longBlock)
    paste.begin(at: start)
    #expect(paste.question?.sendableLines == 6)
    paste.receive("7\r")
    #expect(paste.question?.sendableLines == 7)
  }

  @Test mutating func aKeyThatWasTakenForTextIsHandedOutAgainInANewLine() {
    paste.receive("word")
    let answers = [paste.handOutKey(), paste.handOutKey()]
    #expect(answers == [true, false])
    paste.restart(line("ha", "lf"))
    _ = paste.handOutKey()
    let insertion = paste.insert(into: line(""))
    #expect(insertion == .edit(line("haword", "lf")))
  }

  @Test(arguments: [(2, false), (3, true)])
  mutating func onlyABlockThatStallsIsEndedByTheInterruptKey(seconds: Int, isEnded: Bool) {
    paste.begin(at: start)
    _ = paste.append(bytes("a"), at: start, isInterrupt: false, asksIfLong: true)
    let later = start + .seconds(seconds)
    let hasEnded = paste.append([3], at: later, isInterrupt: true, asksIfLong: true)
    #expect(hasEnded == isEnded)
    #expect((paste == .ready(Paste(bytes("a")), line: nil, isKeyHandedOut: false)) == isEnded)
  }

  @Test mutating func aBlockThatIsGivenUpNamesWhatWasNotHandedOut() {
    paste.receive("one\rtwo\rthree\rrest")
    _ = paste.insert(into: line("", "behind"))
    _ = paste.nextLine()
    let given = paste.cancel()
    #expect(given == ["three", "restbehind"].map(bytes) && paste == .idle)
  }
}
