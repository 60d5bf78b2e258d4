import ChatClient
import TestSupport
import Testing

private func paste(_ text: String) -> Paste { Paste(Array(text.utf8)) }
private func texts(_ paste: Paste) -> [String] {
  (paste.lines + [paste.rest]).map { String(decoding: $0, as: UTF8.self) }
}

@Suite(.timeLimit(.minutes(10))) struct PasteTests {
  @Test func `Every kind of line end ends a line`() {
    #expect(texts(paste("a\nb\r\nc\rd")) == ["a", "b", "c", "d"])
    #expect(texts(paste("a\n\n\r\r\n")) == ["a", "", "", "", ""])
    #expect(texts(paste("one")) == ["one"])
  }

  @Test(arguments: [
    ("1\n2\n3\n4\n5\n", false), ("1\n2\n3\n4\n5\n6", true), ("1\n\n\n\n\n\n2\n", false), ("one line", false),
  ])
  func `More than five lines are long`(text: String, isLong: Bool) { #expect(paste(text).isLong == isLong) }

  @Test func `The last line can be ended`() {
    var block = paste("a\nb")
    block.endLastLine()
    #expect(texts(block) == ["a", "b", ""])
    block.endLastLine()
    #expect(texts(block) == ["a", "b", ""])
  }

  @Test func `A block behind another goes on with its last line`() {
    var block = paste("a\nb")
    block.append(paste("c"))
    #expect(texts(block) == ["a", "bc"])
    block.append(paste("d\ne\nf"))
    #expect(texts(block) == ["a", "bcd", "e", "f"])
  }

  @Test func `Nothing is lost`() {
    var random = SeededRandom.printed(for: "Paste")
    for _ in 0..<500 {
      let text = String((0..<40).map { _ in "ab \n\t\u{1B}é漢".randomElement(using: &random) ?? "a" })
      #expect(texts(paste(text)).joined(separator: "\n") == text)
    }
  }
}
