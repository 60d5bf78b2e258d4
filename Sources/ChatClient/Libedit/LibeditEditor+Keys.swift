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
    editline_add(editor, "mychat-edit") { editor, _ in
      LibeditEditor.of(editor)?.editElsewhere() ?? UInt8(CC_NORM)
    }
    editline_add(editor, "mychat-paste") { editor, _ in
      LibeditEditor.of(editor)?.insertPaste() ?? UInt8(CC_NORM)
    }
    addEditingCommands()
  }

  func bindKeys() {
    let isVi = editline_is_vi(editor) != 0
    for (key, command) in [
      ("^L", "mychat-clear-screen"), ("^I", "mychat-complete"), ("\\235", "mychat-paste"), ("\\236", "mychat-complete"),
      ("^H", "mychat-rub-out"), ("^?", "mychat-rub-out"),
    ] {
      editline_bind_key(editor, 0, key, command)
    }
    for name in SpecialKey.names {
      for modifiers in SpecialKey.Modifiers.all {
        bind(SpecialKey(name, modifiers), to: command(for: name, modifiers, isVi: isVi) ?? "ed-ignore", isVi: isVi)
      }
    }
    if isVi {
      editline_bind_key(editor, 1, "^L", "mychat-clear-screen")
      editline_bind_key(editor, 1, "\\235", "mychat-paste")
      // As bash, in vi's command mode.
      editline_bind_key(editor, 1, "v", "mychat-edit")
    } else {
      editline_bind_key(editor, 0, "^S", "em-inc-search-next")
      editline_bind_key(editor, 0, "^X^E", "mychat-edit")
      for (key, command) in Self.editingKeys { editline_bind_key(editor, 0, key, command) }
    }
  }

  /// In vi's way ESC goes to command mode, and the rest is a key there, as libedit has it for the arrows; in command mode the key is
  /// whole.
  private func bind(_ key: SpecialKey, to command: String, isVi: Bool) {
    if isVi { editline_bind_key(editor, 1, key.sequence, command) }
    editline_bind_key(editor, isVi ? 1 : 0, "\\e" + key.sequence, command)
  }

  /// What a special key does; nil for nothing.
  private func command(for name: SpecialKey.Name, _ modifiers: SpecialKey.Modifiers, isVi: Bool) -> String? {
    switch (name, modifiers) {
    case (.up, []): "ed-prev-history"
    case (.down, []): "ed-next-history"
    // vi's command mode has the cursor on a character, which libedit's own commands know.
    case (.left, []): isVi ? "ed-prev-char" : "mychat-back"
    case (.right, []): isVi ? "ed-next-char" : "mychat-forward"
    case (.delete, []): isVi ? "ed-delete-next-char" : "mychat-delete"
    case (.home, []): "ed-move-to-beg"
    case (.end, []): "ed-move-to-end"
    case (.left, .alt), (.left, .control): isVi ? "vi-prev-word" : "ed-prev-word"
    case (.right, .alt), (.right, .control): isVi ? "vi-next-word" : "em-next-word"
    default: nil
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

  private static let commands =
    Command.Word.allCases.map { Array("/\($0.rawValue)".utf8) } + [Array(LocalCommand.setWord.utf8)]

  /// Whether a word is the first that stands behind a command.
  /// - Parameter before: all that stands before the word.
  private static func isFirstArgument(_ before: ArraySlice<UInt8>) -> Bool {
    let words = before.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    return words.count == 1 && before.first == UInt8(ascii: "/")
  }
}
