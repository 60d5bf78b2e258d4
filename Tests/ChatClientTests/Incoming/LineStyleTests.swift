import ChatClient
import ChatWire
import Glibc
import Testing

private func shown(_ line: String, own: String = "7", colours: Bool = true, timestamps: Bool = false) -> String {
  var output: [UInt8] = []
  LineStyle(palette: colours ? .theme : nil, hasTimes: timestamps)
    .append(
      ServerLine(Array(line.utf8)[...]), time: Array("12:34".utf8), ownName: Array(own.utf8), to: &output)
  return String(decoding: output, as: UTF8.self)
}

private func colour(_ name: String) -> String {
  String(decoding: Palette.theme.colour(of: Array(name.utf8)), as: UTF8.self)
}

private let plain = "\u{1B}[0m"
private let mark = "\u{1B}[0;1;7m"

@Suite(.timeLimit(.minutes(10))) struct LineStyleTests {
  @Test func `A notice is dim`() { #expect(shown("* 8 has left") == "\u{1B}[2m* 8 has left\(plain)\n") }

  @Test func `A private line has an underlined tag and a bold name`() {
    let name = "\u{1B}[1m\(colour("8"))8\(plain)"
    #expect(shown("[private] 8: hi") == "\u{1B}[1;4m[private]\(plain) \(name): hi\n")
  }

  @Test func `An action has a dim tag, a coloured name and its text in italics`() {
    let start = "\u{1B}[2m[action]\(plain) \(colour("8"))8\(plain) "
    #expect(shown("[action] 8 waves") == "\(start)\u{1B}[3mwaves\(plain)\n")
    #expect(shown("[action] 8 sees 7 go") == "\(start)\u{1B}[3msees \(mark)7\(plain)\u{1B}[3m go\(plain)\n")
  }

  @Test(arguments: ["[21:03] 8: hi 7", "[2026-11-23 21:03] * 8 is now 7"]) func `An earlier line is dim as a whole`(
    line: String
  ) {
    #expect(shown(line) == "\u{1B}[2m\(line)\(plain)\n")
  }

  @Test(arguments: [
    "8: [private] 9: hi", "8: [action] 9 waves", "8: [21:03] 9: hi", "8: * 9 left", "[other] 9: hi", "[private]  9: hi",
    "[private] a b: hi", "[privat\u{435}] 9: hi", "[action]\u{A0}9 waves", "[action] 9", "[2:03] 9: hi",
    "[21:03]9: hi",
  ])
  func `What only looks like a line of another kind is shown as a message`(line: String) {
    for style in ["[1;4m", "[2m", "[3m"] { #expect(!shown(line).contains("\u{1B}\(style)")) }
  }

  @Test func `A name keeps its colour`() {
    #expect(shown("8: a") == "\(colour("8"))8\(plain): a\n")
    #expect(shown("8: b").hasPrefix("\(colour("8"))8"))
    let colours = Set((50_000..<50_100).map { Palette.theme.colour(of: Array(String($0).utf8)) })
    #expect(colours.count >= 10)
  }

  /// Relative luminance and contrast as WCAG 2 has them; the values of xterm's colours.
  @Test(arguments: Palette.readableCodes + [Palette.readableGrey])
  func `A colour of no theme can be read on white and on black`(code: Int) {
    let steps = [0.0, 95, 135, 175, 215, 255]
    let cube = code - 16
    let rgb =
      code >= 232
      ? Array(repeating: Double(8 + 10 * (code - 232)), count: 3)
      : [cube / 36, cube / 6 % 6, cube % 6].map { steps[$0] }
    let linear = rgb.map { $0 / 255 }.map { $0 <= 0.03928 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
    let luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    #expect((luminance + 0.05) / 0.05 >= 4.5 && 1.05 / (luminance + 0.05) >= 4.5)
  }

  @Test func `Where there are 256 colours, names and notices have those`() {
    var output: [UInt8] = []
    let style = LineStyle(palette: .readable, hasTimes: false)
    for line in ["8: hi", "* 8 has left"] {
      style.append(ServerLine(Array(line.utf8)[...]), time: [], ownName: [], to: &output)
    }
    let name = String(decoding: Palette.readable.colour(of: "8".utf8), as: UTF8.self)
    #expect(name.contains("38;5;"))
    #expect(String(decoding: output, as: UTF8.self) == "\(name)8\(plain): hi\n\u{1B}[38;5;243m* 8 has left\(plain)\n")
  }

  @Test(arguments: [
    ("7", "8: 7", true), ("7", "8: x7", false), ("7", "8: 77", false), ("7", "8: hi 7, you", true),
    ("7", "8: (7)", true),
    ("7", "8: é7", false), ("", "8: hi", false), ("77", "8: 777 77", true), ("7", "8: 7-7", false),
  ])
  func `Own name is marked where it is a word`(own: String, line: String, isMarked: Bool) {
    #expect(shown(line, own: own).contains(mark) == isMarked)
  }

  @Test func `Own name is marked wherever it stands`() {
    #expect(shown("7: a") == "\(mark)7\(plain): a\n")
    #expect(shown("8: 7 and 7").components(of: mark) == 3)
    #expect(shown("* 7 is here") == "\u{1B}[2m* \(mark)7\(plain)\u{1B}[2m is here\(plain)\n")
  }

  @Test func `The time stands before the line`() {
    #expect(shown("8: a", colours: false, timestamps: true) == "12:34 8: a\n")
    #expect(shown("8: a", timestamps: true).hasPrefix("\u{1B}[2m12:34\(plain) "))
  }

  @Test func `Without colours and time a line stays as it was`() {
    #expect(shown("8: 7\t*é", colours: false) == "8: 7\t*é\n")
  }

  @Test func `Lines are taken apart`() {
    func parts(_ line: String) -> [String?] {
      let parts = ServerLine(Array(line.utf8)[...])
      return [
        parts.kind.rawValue, parts.name.map { String(decoding: $0, as: UTF8.self) },
        String(decoding: parts.text, as: UTF8.self),
      ]
    }
    #expect(parts("8: a: b") == ["message", "8", "a: b"])
    #expect(parts("* all: gone") == ["notice", nil, "all: gone"])
    for line in ["", "http://x", "a b: c", ": x", "x:", "a/b: c", "*x: y"] {
      #expect(parts(line) == ["message", nil, line])
    }
  }
}

extension String {
  fileprivate func components(of separator: String) -> Int {
    split(separator: separator, omittingEmptySubsequences: false).count
  }
}
