import CEditLine
import ChatWire
import Glibc

/// The keys that the client adds to libedit's own.
extension LibeditEditor {
  /// A key that is handed to libedit so that it inserts a pasted block when it is ready for a command (`mychat-paste`). It is a C1
  /// control, which nobody types.
  static let pasteKey: UInt32 = 0x9D
  /// One that is handed to libedit once a Tab has waited for the server.
  static let completionKey: UInt32 = 0x9E

  /// Adds the commands, which stay when bindings are thrown away.
  func addCommands() {
    editline_add(editor, "mychat-clear-screen") { editor, _ in
      LibeditEditor.of(editor)?.clearScreen()
      return UInt8(CC_NORM)
    }
    editline_add(editor, "mychat-complete") { editor, _ in
      LibeditEditor.of(editor)?.complete() ?? UInt8(CC_NORM)
    }
    editline_add(editor, "mychat-paste") { editor, _ in
      LibeditEditor.of(editor)?.insertPaste() ?? UInt8(CC_NORM)
    }
  }

  /// What xterm and its like write, after ESC, for keys that mean nothing here: F5 to F12, Insert, Page Up and Page Down, and arrows,
  /// Home and End with Shift and the like. libedit takes the end of a sequence that it does not know for text.
  private static let otherKeys: [String] = {
    let tilde = [2, 5, 6, 15, 17, 18, 19, 20, 21, 23, 24]
    let modifiers = 2...8
    let plain = tilde.map { "[\($0)~" } + ["OP", "OQ", "OR", "OS", "[Z"]
    return plain
      + modifiers.flatMap { modifier in
        (tilde + [3]).map { "[\($0);\(modifier)~" } + "ABFHPQRS".map { "[1;\(modifier)\($0)" }
          + (modifier == 3 || modifier == 5 ? [] : ["[1;\(modifier)C", "[1;\(modifier)D"])
      }
  }()

  func bindKeys() {
    let isVi = editline_is_vi(editor) != 0
    editline_bind_key(editor, 0, "^L", "mychat-clear-screen")
    editline_bind_key(editor, 0, "^I", "mychat-complete")
    editline_bind_key(editor, 0, "\\235", "mychat-paste")
    editline_bind_key(editor, 0, "\\236", "mychat-complete")
    // Ctrl and Alt with the left and right arrows, as xterm and its like write them. In vi's way ESC goes to command mode,
    // and the rest is a key there, as libedit has it for the arrows alone.
    let (next, previous) = isVi ? ("vi-next-word", "vi-prev-word") : ("em-next-word", "ed-prev-word")
    for modifier in ["3", "5"] {
      editline_bind_key(editor, isVi ? 1 : 0, (isVi ? "" : "\\e") + "[1;\(modifier)C", next)
      editline_bind_key(editor, isVi ? 1 : 0, (isVi ? "" : "\\e") + "[1;\(modifier)D", previous)
    }
    // A binding for one of these keys has to come after this loop.
    for key in Self.otherKeys {
      if isVi { editline_bind_key(editor, 1, key, "ed-ignore") }
      editline_bind_key(editor, isVi ? 1 : 0, "\\e" + key, "ed-ignore")
    }
    if !isVi { editline_bind_key(editor, 0, "^S", "em-inc-search-next") }
    if isVi {
      editline_bind_key(editor, 1, "^L", "mychat-clear-screen")
      editline_bind_key(editor, 1, "\\235", "mychat-paste")
    }
  }

  /// Words that one Tab shows at most: a few rows, not a screen.
  private static let shownWords = 50

  /// Completes the word before the cursor to a command or a name, with or without `@`, and shows the words if there are several; on
  /// an empty line it shows who is here. Where names are wanted it waits for the server to say that: in `read`, which then calls it
  /// again.
  private func complete() -> UInt8 {
    let hasWaited = completionDeadline != nil
    completionDeadline = nil
    let before = parts.before
    let start = before.lastIndex { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map { $0 + 1 } ?? 0
    let word = Array(before[start...])
    let isCommand = start == 0 && word.first == UInt8(ascii: "/")
    let hasMark = word.first == UInt8(ascii: "@")
    let name = hasMark ? Array(word.dropFirst()) : word
    let wantsNames = !isCommand && (!word.isEmpty || isLineEmpty)
    if wantsNames && !wasSearching && !hasWaited, let deadline = roster.ask() {
      completionDeadline = deadline
      return UInt8(CC_NORM)
    }
    if name.isEmpty && wantsNames { return show(words: roster.names) }
    switch isCommand ? Completion(of: word, among: Self.commands) : roster.completion(of: name) {
    case .none: return UInt8(CC_ERROR)
    case .adding(let rest, let isWhole):
      let text =
        String(decoding: rest, as: UTF8.self)
        + (isWhole ? Self.end(ofWordBehind: before[..<start], hasMark, isCommand) : "")
      guard !text.isEmpty else { return UInt8(CC_ERROR) }
      editline_insert(editor, text)
      return UInt8(CC_REFRESH)
    case .several(let words): return show(words: words)
    }
  }

  private func show(words: [[UInt8]]) -> UInt8 {
    guard !words.isEmpty else { return UInt8(CC_ERROR) }
    let more = words.count > Self.shownWords ? [Wording.more(words.count - Self.shownWords)] : []
    let shown = words.prefix(Self.shownWords) + more
    showLine(after: Array(shown.joined(separator: "  ".utf8)) + [UInt8(ascii: "\n")])
    return UInt8(CC_REFRESH)
  }

  /// What follows a word that is complete.
  /// - Parameter before: all that stands before the word.
  private static func end(ofWordBehind before: ArraySlice<UInt8>, _ hasMark: Bool, _ isCommand: Bool) -> String {
    if isCommand || isFirstArgument(before) { return " " }
    guard before.isEmpty else { return "" }
    return hasMark ? " " : ": "
  }

  private static let commands = Command.Word.allCases.map { Array("/\($0.rawValue)".utf8) }

  /// Whether a word is the first that stands behind a command.
  /// - Parameter before: all that stands before the word.
  private static func isFirstArgument(_ before: ArraySlice<UInt8>) -> Bool {
    let words = before.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    return words.count == 1 && before.first == UInt8(ascii: "/")
  }
}
