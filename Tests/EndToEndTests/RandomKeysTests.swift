import ChatWire
import Glibc
import TestSupport
import Testing

/// A line as a person thinks of it: characters before the cursor and behind it.
private struct ModelLine {
  var before = ""
  var after = ""
  /// What was deleted together last.
  private var killed = ""
  private var wasKill = false

  mutating func press(_ key: RandomKey) {
    let isKill: Bool
    switch key {
    case .text(let text):
      before += text
      isKill = false
    case .left, .right, .home, .end:
      move(key)
      isKill = false
    case .backspace:
      _ = before.popLast()
      isKill = false
    case .delete:
      if !after.isEmpty { after.removeFirst() }
      isKill = false
    case .killToEnd, .killLine, .killWord:
      isKill = kill(key)
    case .yank:
      before += killed
      isKill = false
    case .idle:
      isKill = false
    case .report, .resize, .heard:
      isKill = wasKill
    }
    wasKill = isKill
  }

  private mutating func move(_ key: RandomKey) {
    switch key {
    case .left: if let last = before.popLast() { after = String(last) + after }
    case .right: if !after.isEmpty { before.append(after.removeFirst()) }
    case .home: (before, after) = ("", before + after)
    default: (before, after) = (before + after, "")
    }
  }

  /// - Returns: whether there was something to delete.
  private mutating func kill(_ key: RandomKey) -> Bool {
    let taken: String
    switch key {
    case .killToEnd: (taken, after) = (after, "")
    case .killLine: taken = before + after
    default:
      let kept = before.reversed().drop(while: \.isWhitespace).drop { !$0.isWhitespace }
      let rest = String(kept.reversed())
      (taken, before) = (String(before.dropFirst(rest.count)), rest)
    }
    guard !taken.isEmpty else { return false }
    switch key {
    case _ where !wasKill: killed = taken
    case .killWord: killed = taken + killed
    // What stood on both sides of what is gone already.
    case .killLine: killed = before + killed + after
    default: killed += taken
    }
    if case .killLine = key { (before, after) = ("", "") }
    return true
  }
}

private enum RandomKey {
  case text(String)
  case left, right, home, end, backspace, delete, killToEnd, killLine, killWord, yank
  /// A key that does nothing, and a report of the terminal, which is no key.
  case idle(String)
  case report(String)
  case resize, heard

  private static let alphabet = [
    "a", "b", " ", "é", "e\u{301}", "ß", "日", "本", "👍", "🇩🇪", "👨‍👩‍👧", "x\u{323}\u{302}", "1", "-", "  ", "한",
  ]
  private static let idle = ["\u{1B}[15~", "\u{1B}[2~", "\u{1B}[5~"]
  private static let reports = ["\u{1B}[I", "\u{1B}[<0;10;5M", "\u{1B}[3;5R", "\u{1B}]11;rgb:0/0/0\u{7}"]

  static func random(using random: inout SeededRandom) -> RandomKey {
    switch Int.random(in: 0..<40, using: &random) {
    case 0..<20: .text(alphabet.randomElement(using: &random)!)
    case 20..<25: .left
    case 25..<28: .right
    case 28: .home
    case 29: .end
    case 30, 31: .backspace
    case 32: .delete
    case 33: .killToEnd
    case 34: .killWord
    case 35: Int.random(in: 0..<4, using: &random) == 0 ? .killLine : .yank
    case 36: .yank
    case 37:
      Bool.random(using: &random)
        ? .idle(idle.randomElement(using: &random)!) : .report(reports.randomElement(using: &random)!)
    case 38: .resize
    default: .heard
    }
  }

  /// What the terminal sends for it; nil where it is no key.
  func bytes(_ form: Int) -> String? {
    switch self {
    // As a pasted block now and then, with its newline.
    case .text(let text): form % 7 == 0 ? "\u{1B}[200~\(text)\(form % 2 == 0 ? "\r" : "")\u{1B}[201~" : text
    case .left: ["\u{1B}[D", "\u{1B}OD", "\u{2}"][form % 3]
    case .right: ["\u{1B}[C", "\u{1B}OC", "\u{6}"][form % 3]
    case .home: ["\u{1B}[H", "\u{1B}[1~", "\u{1B}[7~", "\u{1}"][form % 4]
    case .end: ["\u{1B}[F", "\u{1B}[4~", "\u{1B}[8~", "\u{5}"][form % 4]
    case .backspace: ["\u{7F}", "\u{8}"][form % 2]
    case .delete: "\u{1B}[3~"
    case .killToEnd: "\u{B}"
    case .killLine: "\u{15}"
    case .killWord: "\u{17}"
    case .yank: "\u{19}"
    case .idle(let bytes), .report(let bytes): bytes
    case .resize, .heard: nil
    }
  }
}

/// Keys without end, whole and torn, between lines of others and changes of the window: the server gets what a model by characters
/// has. `make typing` presses 10,000 keys with each of 20 seeds.
@Suite(.timeLimit(.minutes(60))) struct RandomKeysTests {
  private static let seeds = getenv("TEST_SEEDS").flatMap { Int(String(cString: $0)) } ?? 1
  private static let keys = getenv("TEST_KEYS").flatMap { Int(String(cString: $0)) } ?? 400

  @Test(arguments: 0..<seeds) func `Whatever keys are pressed, the server gets the line of the model`(number: Int)
    throws
  {
    var random = SeededRandom.printed(for: "Keys \(number)")
    let server = try ServerProgram()
    let member = try server.join()
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port), "--no-history"], on: terminal)
    let port = try server.nextPort()
    var model = ModelLine()
    var pressed: [String] = []
    for count in 1...Self.keys {
      let key = RandomKey.random(using: &random)
      model.press(key)
      switch key {
      case .resize:
        try terminal.resize(rows: .random(in: 3...30, using: &random), columns: .random(in: 20...100, using: &random))
        client.signal(SIGWINCH)
      case .heard: try member.send("line \(count) 日本\n")
      default:
        let bytes = key.bytes(Int.random(in: 0..<1000, using: &random)) ?? ""
        pressed.append(bytes)
        try terminal.type(bytes)
      }
      guard count == Self.keys || model.before.utf8.count + model.after.utf8.count > 200 || pressed.count > 60 else {
        continue
      }
      try terminal.type("\u{1B}[F.\r")
      let expected = "\(port): \(model.before)\(model.after)."
      let line: String
      do { line = try member.expectLine() } catch { line = "\(error)" }
      terminal.readWhatIsThere()
      try #require(
        line == expected,
        "seed 0x\(String(random.seed, radix: 16)), key \(count): \(pressed)\n\(terminal.screen.lines.suffix(5))")
      // What was deleted stays to be put back, and a line that was entered parts what is deleted together.
      model.press(.end)
      (model.before, model.after, pressed) = ("", "", [])
    }
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
  }
}
