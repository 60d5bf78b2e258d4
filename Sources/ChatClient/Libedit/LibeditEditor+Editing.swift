import CEditLine

/// What libedit lacks, or does by code points, in emacs's way: moving and deleting by what people see as one character, which may be
/// several of them (a letter with its marks, a flag, a family); kills that join; undo; words.
extension LibeditEditor {
  /// Adds the commands of these.
  func addEditingCommands() {
    for (name, command) in Self.editingCommands { editline_add(editor, name, command) }
  }

  /// The keys of these in emacs's way.
  static let editingKeys = [
    ("^B", "mychat-back"), ("^F", "mychat-forward"), ("^D", "mychat-delete-or-end"),
    ("^K", "mychat-kill-to-end"), ("^U", "mychat-kill-line"), ("^W", "mychat-kill-black-back"),
    ("\\ed", "mychat-kill-word"), ("\\e^H", "mychat-kill-word-back"), ("\\e^?", "mychat-kill-word-back"),
    ("^Y", "mychat-yank"), ("\\ey", "mychat-yank-previous"), ("^_", "mychat-undo"), ("^X^U", "mychat-undo"),
    ("\\et", "mychat-transpose-words"), ("\\e.", "mychat-last-word"), ("\\e_", "mychat-last-word"),
  ]

  private typealias Action = @convention(c) (OpaquePointer?, CInt) -> UInt8

  private static let editingCommands: [(String, Action)] = [
    ("mychat-back", { editor, _ in LibeditEditor.of(editor)?.move { -$0.lastCharacter } ?? UInt8(CC_NORM) }),
    ("mychat-forward", { editor, _ in LibeditEditor.of(editor)?.move { $0.firstCharacter } ?? UInt8(CC_NORM) }),
    ("mychat-rub-out", { editor, _ in LibeditEditor.of(editor)?.rubOut() ?? UInt8(CC_NORM) }),
    ("mychat-delete", { editor, _ in LibeditEditor.of(editor)?.delete() ?? UInt8(CC_NORM) }),
    ("mychat-delete-or-end", { editor, _ in LibeditEditor.of(editor)?.deleteOrEnd() ?? UInt8(CC_NORM) }),
    ("mychat-kill-to-end", { editor, _ in LibeditEditor.of(editor)?.kill(.toEnd) ?? UInt8(CC_NORM) }),
    ("mychat-kill-line", { editor, _ in LibeditEditor.of(editor)?.kill(.line) ?? UInt8(CC_NORM) }),
    ("mychat-kill-word", { editor, _ in LibeditEditor.of(editor)?.kill(.wordForward) ?? UInt8(CC_NORM) }),
    ("mychat-kill-word-back", { editor, _ in LibeditEditor.of(editor)?.kill(.wordBack) ?? UInt8(CC_NORM) }),
    ("mychat-kill-black-back", { editor, _ in LibeditEditor.of(editor)?.kill(.blackBack) ?? UInt8(CC_NORM) }),
    ("mychat-yank", { editor, _ in LibeditEditor.of(editor)?.yank() ?? UInt8(CC_NORM) }),
    ("mychat-yank-previous", { editor, _ in LibeditEditor.of(editor)?.yankPrevious() ?? UInt8(CC_NORM) }),
    (
      "mychat-transpose-words",
      { editor, _ in LibeditEditor.of(editor)?.change { $0.transposingWords } ?? UInt8(CC_NORM) }
    ),
    ("mychat-last-word", { editor, _ in LibeditEditor.of(editor)?.insertLastWord() ?? UInt8(CC_NORM) }),
    ("mychat-undo", { editor, _ in LibeditEditor.of(editor)?.undo() ?? UInt8(CC_NORM) }),
  ]

  /// Does it as often as the person has asked for, as far as it goes.
  private func repeated(_ command: () -> Bool) -> Bool {
    var hasActed = false
    for _ in 0..<keyCount.repeats {
      guard command() else { break }
      hasActed = true
    }
    return hasActed
  }

  // MARK: Characters

  /// Moves the cursor by so many code points.
  private func move(by count: (LineParts) -> Int) -> UInt8 {
    let hasMoved = repeated {
      let count = count(parts)
      editline_move(editor, CInt(count))
      return count != 0
    }
    return UInt8(hasMoved ? CC_CURSOR : CC_ERROR)
  }

  private func rubOut() -> UInt8 {
    let hasDeleted = repeated {
      let count = parts.lastCharacter
      if count > 0 { el_deletestr(editor, CInt(count)) }
      return count > 0
    }
    return UInt8(hasDeleted ? CC_REFRESH : CC_ERROR)
  }

  private func delete() -> UInt8 {
    let hasDeleted = repeated {
      let count = parts.firstCharacter
      editline_move(editor, CInt(count))
      if count > 0 { el_deletestr(editor, CInt(count)) }
      return count > 0
    }
    return UInt8(hasDeleted ? CC_REFRESH : CC_ERROR)
  }

  private func deleteOrEnd() -> UInt8 { isLineEmpty ? UInt8(CC_EOF) : delete() }

  // MARK: The whole line

  private func change(_ change: (LineParts) -> LineParts?) -> UInt8 {
    guard let line = change(parts) else { return UInt8(CC_ERROR) }
    replaceLine(with: line)
    return UInt8(CC_REFRESH)
  }

  /// As `change`, as often as the person has asked for.
  private func changeRepeatedly(_ change: (LineParts) -> LineParts?) -> UInt8 {
    self.change { line in
      var line = line
      let hasChanged = repeated {
        guard let new = change(line) else { return false }
        line = new
        return true
      }
      return hasChanged ? line : nil
    }
  }

  private func kill(_ what: LineParts.Kill) -> UInt8 {
    changeRepeatedly { killRing.kill(what, in: $0, byKey: keyCount.number) }
  }

  private func yank() -> UInt8 { changeRepeatedly { killRing.yank(into: $0, byKey: keyCount.number) } }
  private func yankPrevious() -> UInt8 { change { killRing.yankPrevious(in: $0, byKey: keyCount.number) } }
  private func undo() -> UInt8 { changeRepeatedly { undoHistory.undo($0) } }

  private func insertLastWord() -> UInt8 {
    change { line in
      let key = keyCount.number
      guard lastWord.isLast(beforeKey: key) else { return lastWord.insertNewest(of: lastWords, into: line, byKey: key) }
      return lastWord.replaceByPrevious(of: lastWords, in: line, byKey: key, goingRound: false)
    }
  }
}

extension LineParts {
  /// The code points of the character before the cursor; 0 where there is none.
  var lastCharacter: Int { String(decoding: before, as: UTF8.self).last?.unicodeScalars.count ?? 0 }

  /// Those of the one behind it.
  var firstCharacter: Int { String(decoding: after, as: UTF8.self).first?.unicodeScalars.count ?? 0 }
}
