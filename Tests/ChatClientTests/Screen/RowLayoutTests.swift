import ChatClient
import Glibc
import Testing

/// Widths come from the C library's locale, which is the process's: so it is set once, before any of these.
private let locale: Bool = setlocale(LC_CTYPE, "C.UTF-8") != nil

private func layout(_ text: String, columns: Int) -> RowLayout {
  #expect(locale)
  var layout = RowLayout(columns: columns)
  layout.append(text.utf8)
  return layout
}

@Suite(.timeLimit(.minutes(10))) struct RowLayoutTests {
  @Test(arguments: [
    ("", 10, 0, 0), ("abc", 10, 0, 3), ("abcdefghi", 10, 0, 9), ("abcdefghij", 10, 1, 0), ("abcdefghijk", 10, 1, 1),
    ("漢字", 10, 0, 4), ("漢字漢字漢", 10, 1, 0), ("a漢字漢字漢", 10, 1, 2), ("🎉", 10, 0, 2), ("한국어", 5, 1, 2),
    ("e\u{301}", 10, 0, 1), ("\u{1}", 10, 0, 2), ("\u{7F}", 10, 0, 2), ("abcdefghi\u{1}", 10, 1, 1), ("\t", 20, 0, 8),
    ("a\tb", 20, 0, 9), ("12345678\t", 20, 0, 16), ("12345678\t", 10, 1, 0), ("\u{85}", 20, 0, 6),
    ("\u{E000}", 20, 0, 1), ("\u{200B}", 20, 0, 0), ("ab\ncd", 10, 1, 2), ("", 0, 0, 0),
  ])
  func `The cursor stands where libedit puts it`(text: String, columns: Int, row: Int, column: Int) {
    let layout = layout(text, columns: columns)
    #expect(layout.row == row)
    #expect(layout.column == column)
  }

  @Test(arguments: [
    ("9: no gap", "9: no gap"), ("9: a\tb", "9: a    b"), ("1234567\t8", "1234567 8"),
    ("12345678\t9", "12345678        9"),
    ("漢字\t.", "漢字    ."), ("e\u{301}\t.\t.", "e\u{301}       .       ."),
  ])
  func `Blanks stand for tabs`(line: String, shown: String) {
    #expect(locale)
    #expect(String(decoding: RowLayout.spreadTabs(Array(line.utf8)[...]), as: UTF8.self) == shown)
  }

  @Test func `A wide character that does not fit takes the cursor along`() {
    let layout = layout("abcdefghi", columns: 10)
    #expect(layout.cursor(before: "漢") == (1, 0))
    #expect(layout.cursor(before: "x") == (0, 9))
    #expect(layout.cursor(before: "\t") == (0, 9))
    #expect(layout.cursor(before: nil) == (0, 9))
  }

  @Test func `Rows are joined and broken anew when the width changes`() {
    let layout = layout("abcdefghi klmnopqrst", columns: 10)
    #expect(layout.row == 2)
    #expect(layout.row(reflowedTo: 5, continues: false) == 4)
    #expect(layout.row(reflowedTo: 7, continues: false) == 2)
    #expect(layout.row(reflowedTo: 40, continues: false) == 0)
  }

  @Test func `A wide character is not broken when the width changes`() {
    let layout = layout("漢字漢字漢字", columns: 20)
    #expect(layout.row(reflowedTo: 5, continues: false) == 2)
    #expect(layout.row(reflowedTo: 4, continues: false) == 2)
    #expect(layout.row(reflowedTo: 4, continues: true) == 3)
  }

  @Test func `Nothing written moves the cursor by itself`() {
    let text =
      String(String.UnicodeScalarView((0...0x2FF).compactMap(Unicode.Scalar.init))) + "\u{202E}\u{2028}\u{E000}"
    for byte in layout(text, columns: 40).bytes where byte < 0x20 { #expect(byte == UInt8(ascii: "\n")) }
  }
}
