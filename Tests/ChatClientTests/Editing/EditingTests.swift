import ChatClient
import TestSupport
import Testing

/// A line with the cursor where `|` is.
private func line(_ text: String) -> LineParts {
  let parts = text.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
  return LineParts(before: Array(parts[0].utf8), after: Array(parts[1].utf8))
}

private func text(_ line: LineParts?) -> String? {
  line.map { String(decoding: $0.before, as: UTF8.self) + "|" + String(decoding: $0.after, as: UTF8.self) }
}

@Suite(.timeLimit(.minutes(10))) struct EditingTests {
  @Test(arguments: [
    (LineParts.Kill.toEnd, "one t|wo", "one t|", "wo"), (.line, "one t|wo", "|", "one two"),
    (.wordBack, "one two-three|", "one two-|", "three"),
    (.wordBack, "one two, |x", "one |x", "two, "), (.blackBack, "see http://a.b/c?d |x", "see |x", "http://a.b/c?d "),
    (.wordForward, "a|, bc de", "a| de", ", bc"), (.wordForward, "a|!", "a|", "!"),
    (.wordBack, "née è🇨🇭|", "née |", "è🇨🇭"),
  ])
  func `A kill takes away what it says`(kill: LineParts.Kill, before: String, after: String, killed: String) {
    let result = line(before).killing(kill)
    #expect(text(result?.line) == after)
    #expect(result.map { String(decoding: $0.killed, as: UTF8.self) } == killed)
  }

  @Test(arguments: [LineParts.Kill.toEnd, .wordForward]) func `Where nothing is, nothing is killed`(
    kill: LineParts.Kill
  ) {
    #expect(line("a|").killing(kill) == nil)
    #expect(line("|").killing(.wordBack) == nil && line("|").killing(.line) == nil)
  }

  @Test func `Kills of keys that follow each other are put in as one, and others one by one`() {
    var ring = KillRing()
    #expect(ring.yank(into: line("|"), byKey: 1) == nil)
    let once = ring.kill(.wordBack, in: line("a bc de| fg"), byKey: 2)!
    let twice = ring.kill(.wordBack, in: once, byKey: 3)!
    #expect(text(twice) == "a | fg")
    let all = ring.kill(.toEnd, in: twice, byKey: 4)!
    #expect(text(ring.yank(into: all, byKey: 5)) == "a bc de fg|")

    _ = ring.kill(.line, in: line("other|"), byKey: 7)
    let yanked = ring.yank(into: line("x|y"), byKey: 8)!
    #expect(text(yanked) == "xother|y")
    let previous = ring.yankPrevious(in: yanked, byKey: 9)!
    #expect(text(previous) == "xbc de fg|y")
    #expect(text(ring.yankPrevious(in: previous, byKey: 10)) == "xother|y")
    #expect(ring.yankPrevious(in: yanked, byKey: 12) == nil)
  }

  @Test func `A line that is killed after its end is put in as it was`() {
    var ring = KillRing()
    let start = ring.kill(.toEnd, in: line("foo |bar"), byKey: 1)!
    let none = ring.kill(.line, in: start, byKey: 2)!
    #expect(text(ring.yank(into: none, byKey: 3)) == "foo bar|")
  }

  @Test func `A number that is typed before a key says how often it acts`() {
    var count = KeyCount()
    /// Nil stands for the key 2.
    func repeats(_ keys: KeySequence?...) -> Int {
      for key in keys {
        if let key { count.note(key) } else { count.note(UInt8(ascii: "2"), isBehindEscape: false) }
      }
      return count.repeats
    }
    let left = KeySequence.special(SpecialKey(.left))
    #expect(repeats(.alt(UInt8(ascii: "3")), left) == 3)
    #expect(repeats(left) == 1)
    #expect(repeats(.alt(UInt8(ascii: "1")), nil, .alt(UInt8(ascii: "d"))) == 12)
    #expect(repeats(nil) == 1)
    let nine = KeySequence.alt(UInt8(ascii: "9"))
    #expect(repeats(nine, nine, nine, nine, left) == 1000)
  }

  @Test(arguments: [
    ("one two|", "two one|"), ("one| two", "two one|"), ("one t|wo three", "two one| three"), ("a, b|.", "b, a|."),
    ("one|", nil),
    ("|", nil), ("|one two", nil), ("one two  |", "two one|  "),
  ])
  func `Two words change places`(before: String, after: String?) {
    #expect(text(line(before).transposingWords) == after)
  }

  @Test func `Undo goes back a word that was typed, and every other change, one by one`() throws {
    var history = UndoHistory()
    let states = [
      "a|", "ab|", "ab |", "ab c|", "ab cd|", "ab c|d", "ab |d", "|", "pasted text|", "pasted text!|",
      "pasted text!, more|",
    ]
    for state in states { history.note(line(state)) }
    var undone: [String] = []
    var now = line("pasted text!, more|")
    while let earlier = history.undo(now) {
      undone.append(try #require(text(earlier)))
      now = earlier
    }
    #expect(undone == ["pasted text!|", "pasted text|", "|", "ab |d", "ab c|d", "ab |", "|"])
  }

  @Test func `What is undone is a change that can follow others`() {
    var history = UndoHistory()
    history.note(line("one|"))
    #expect(text(history.undo(line("one|"))) == "|")
    history.note(line("two|"))
    #expect(text(history.undo(line("two|"))) == "|")
    #expect(history.undo(line("|")) == nil)
  }
}
