import CEditLine
import ChatWire
import Glibc

/// Edits the lines that a person types on a terminal with libedit, and shows between two keys what has arrived, without
/// disturbing the line that is being typed. While it exists the terminal is in libedit's modes, in which every key is a byte to
/// read; `close` gives it back.
///
/// libedit's known defects (3.1-20221030), and what is done about them:
/// - It may be used on one thread only: all of this is for the input thread alone.
/// - Its drawing moves over a wide character by writing a part of it, leaves out combining ones, and loses count of rows after
///   a TAB: nobody sees it (`LibeditOutput`), and `EditBlock` draws.
/// - It writes outside of its memory where its screen shrinks under a line that it has drawn: it is never told of another size than
///   the first, because nobody sees what it draws.
/// - In vi's way `$`, End and the like on an empty line leave the cursor before it: `keepCursorInLine`.
/// - It takes a line of no bytes for the end of input: `insertPaste` enters a line with its newline.
/// - It gives up where it cannot set the terminal's modes: `nextLine` asks whether the terminal has gone.
/// - It is told an end of input by its reader only, for whatever reason: `stop` says which.
/// - Some of its commands read keys of their own, take any for text, and may go on after an end (`M-x`, vi's `/`, Ctrl-V): a
///   pasted block is inserted in a new call of `el_gets` then.
/// - Its search ends at ESC and takes the rest of a key for text: `read` sends an ESC of its own ahead. It judges a character
///   above U+00FF by its lowest eight bits, so that some of these end the search, or act as its keys (not mended).
/// - It takes the end of a key of several bytes that it does not know for text: it gets whole keys in one form (`KeySequence`),
///   of which each is bound, if only to nothing.
/// - `bind -e` and `bind -v` in `~/.editrc` throw all bindings away: `EditrcFile` binds again.
/// - When it ends it throws away what is typed ahead: `finish` disables it first.
final class LibeditEditor: LineReader {
  let session: TerminalSession
  /// libedit's own state.
  let editor: OpaquePointer
  /// What the arrow keys bring back.
  private let history: History
  /// Who is here, for Tab.
  let roster: Roster
  /// Where libedit draws, which nobody sees.
  private let libeditOutput: LibeditOutput
  /// What is shown of the connection above the line, if anything.
  var status: [UInt8] = []
  /// Prompt and line on the screen.
  var block = EditBlock()
  var resizing = Resizing()
  /// Whether the terminal can move up and clear, so that a line in typing can be taken off the screen.
  let canErase: Bool
  /// Whether a long pasted block is asked about.
  let asksAboutLongPastes: Bool
  /// The block that is being pasted.
  var paste = PasteState.idle
  /// The bytes so far of a character of several.
  private var decoding = mbstate_t()
  /// What libedit has still to get before the next key, as code points.
  private var restOfKey: [UInt32] = []
  /// Whether libedit has got an ESC and waits for what follows.
  private var isEscapeHeld = false
  /// Which key libedit was last handed, and how often it is to act.
  private(set) var keyCount = KeyCount()
  /// Why libedit was told that its input has ended; nil while it goes on.
  private var stop: Stop?
  /// Whether a key may have changed the line since it was shown.
  var isLineStale = false
  /// Until when a Tab waits for the server to say who is here, and all keys after it wait; nil while none does.
  var completionDeadline: Moment?
  /// What was killed, how the line was before, and what Alt-. has put in.
  var killRing = KillRing()
  var undoHistory = UndoHistory()
  var lastWord = Insertions()
  var lastWords: [[UInt8]] { history.lastWords }
  /// Whether the key that libedit was last handed was pressed during a search.
  private(set) var wasSearching = false
  /// What was last looked for in the history.
  var lastPattern: [UInt32] = []
  var draft = Draft.typed(LineParts(before: [], after: []))

  /// Nil where the person has switched editing off (`edit off` in `~/.editrc`), or the terminal is one for which libedit
  /// does so.
  init?(_ session: TerminalSession, _ options: Options, roster: Roster) {
    // libedit last, because it is not freed by itself where a later part fails.
    guard let history = History(options), let libeditOutput = LibeditOutput(),
      let editor = editline_init("mychatclient", libeditOutput.stream)
    else { return nil }
    self.libeditOutput = libeditOutput
    self.session = session
    self.editor = editor
    self.history = history
    self.roster = roster
    asksAboutLongPastes = options.pasteGuard
    canErase = editline_terminal_can(editor, "up") != 0 && editline_terminal_can(editor, "cd") != 0

    editline_set_editor(editor, "emacs")
    editline_set_history(editor, history.entries)
    addCommands()
    bindKeys()
    let complaints = EditrcFile.apply(to: editor, afterReset: bindKeys)
    // After the person's own settings, because the client depends on these. Between two lines as well (`-x`), because the kernel
    // would echo keys that come just then, join them to lines and take them for signals, which would tear a pasted block.
    editline_take_keys(editor, "-d")
    editline_take_keys(editor, "-x")
    editline_set_reader(editor) { editor, character in
      guard let self = LibeditEditor.of(editor), let character else { return 0 }
      return self.read(into: character)
    }
    guard editline_is_enabled(editor) != 0 else {
      finish()
      return nil
    }
    editline_set_client_data(editor, Unmanaged.passUnretained(self).toOpaque())
    Terminal.write(complaints + (canErase ? Paste.enable : []))
  }

  /// The editor to which libedit's `editor` belongs.
  static func of(_ editor: OpaquePointer?) -> LibeditEditor? {
    editline_client_data(editor).map { Unmanaged<LibeditEditor>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Gives the terminal back, with the cursor at the start of a row. Nothing may be asked of the editor after that.
  func close() {
    if canErase { Terminal.write(Paste.disable) }
    finish()
  }

  private func finish() {
    editline_disable(editor)
    el_end(editor)
    history.close()
    session.close()
  }

  /// Lets the person type a line.
  func nextLine() -> InputEvent {
    completionDeadline = nil
    undoHistory = UndoHistory()
    (restOfKey, isEscapeHeld) = ([], false)
    if let end = endOfPaste() {
      _ = paste.cancel()
      return end
    }
    // The lines of a block are not said to a server that has gone.
    if !session.hasEnded, let line = paste.nextLine() { return entered(line) }
    while true {
      stop = nil
      var count: CInt = 0
      if let text = el_gets(editor, &count) {
        var line = Array(UnsafeRawBufferPointer(start: text, count: Int(count)))
        if let last = line.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { line.removeLast() }
        return entered(line)
      }
      switch stop {
      case .restart: restartLine()
      case .end(let event): return ended(event)
      case nil: return ended(Terminal.currentModes() == nil ? session.signals.outcomeAfterHangUp() : .endOfInput)
      }
    }
  }

  /// While lines of a pasted block go out: what stops it, if something does.
  private func endOfPaste() -> InputEvent? {
    guard case .sending = paste else { return nil }
    if let end = attendSignals() { return end }
    guard !session.keyboard.hasByte, Terminal.hasKey, let byte = try? session.keyboard.next() else { return nil }
    if session.terminal.key(byte) == .interrupt { return .cleared }
    session.keyboard.putBack([byte])
    return nil
  }

  private func ended(_ event: InputEvent) -> InputEvent {
    switch event {
    case .cleared: Terminal.write(takeLineOff())
    case .hungUp: break
    default: Terminal.write(block.leave(on: screen))
    }
    return event
  }

  private func entered(_ line: [UInt8]) -> InputEvent {
    // Where nothing can be erased the line stays as it was typed, without its time.
    let hasStamp = canErase && ClientLine(line.span) != .blank
    let stamp = hasStamp ? session.formatter.stampOfOwnLine() : (above: [], before: StyledText())
    // What is said of the connection does not stay above a line that is done.
    show(LineParts(before: line, after: []), below: stamp.above, stamp: stamp.before, status: [])
    // An empty line leaves no trace by itself.
    let left = block.leave(on: screen)
    Terminal.write(left.isEmpty ? [UInt8(ascii: "\n")] : left)
    return .line(line)
  }

  /// Keeps `line` for the arrow keys.
  func remember(_ line: [UInt8]) { history.add(line) }
}

/// Waiting for keys.
extension LibeditEditor {
  /// Gives libedit the next character, once there is one.
  /// - Returns: 1, or 0 for the end of input.
  private func read(into character: UnsafeMutablePointer<wchar_t>) -> CInt {
    if session.editingModes == nil { session.editingModes = Terminal.currentModes() }
    isLineStale = true
    keepCursorInLine()
    if let searchPattern, !searchPattern.isEmpty { lastPattern = searchPattern }
    wasSearching = isSearching
    if !wasSearching {
      if let lost = draft.note(parts), paste == .idle { paste = .ready(Paste([]), line: lost, isKeyHandedOut: false) }
      undoHistory.note(parts)
    }
    if libeditOutput.takeBell() { Terminal.write([0x07]) }
    if stop != nil { return 0 }
    if !restOfKey.isEmpty { return put(restOfKey.removeFirst(), into: character) }
    while true {
      if let end = attendSignals() ?? showReceived() { return stop(.end(end)) }
      if case .ready = paste, !session.hasEnded {
        guard paste.handOutKey() else { return stop(.restart) }
        keyCount.notePaste()
        return put(Self.pasteKey, into: character)
      }
      if isLineStale && (!Terminal.hasKey || session.isUpdateDue) { showLineIfCertain() }
      if let completionDeadline {
        if roster.isAwaited() && !completionDeadline.hasPassed {
          session.waitForUpdate(until: completionDeadline)
          continue
        }
        return put(Self.completionKey, into: character)
      }
      do throws(SystemCallError) {
        if case .arriving = paste {
          if session.waitForKey() { try takeInPaste() }
          continue
        }
        guard let key = try session.nextKey(until: isLineStale ? resizing.drawMoment : .never) else { continue }
        if mbsinit(&decoding) == 0 && !(key.character.map { $0 & 0xC0 == 0x80 } ?? false) {
          // The character before is incomplete, and this key does not continue it.
          session.keyboard.putBack(key)
          return putDamaged(into: character)
        }
        guard let byte = key.character else {
          if case .sequence(let sequence) = key, take(sequence) {
            return put(restOfKey.removeFirst(), into: character)
          }
          continue
        }
        if case .asking = paste {
          if decode(byte, into: character) { answer(character.pointee) }
          continue
        }
        if let key = session.terminal.key(byte) {
          if let end = press(key) { return stop(.end(end)) }
          if key != .endOfInput { continue }
        }
        if Self.searchKeys.contains(byte), searchPattern == [], let first = lastPattern.first {
          // As in bash, which takes the last search where nothing was typed to look for.
          restOfKey = Array(lastPattern.dropFirst())
          return put(first, into: character)
        }
        if decode(byte, into: character) {
          keyCount.note(byte, isBehindEscape: isEscapeHeld)
          isEscapeHeld = false
          return 1
        }
      } catch {
        return stop(.end(session.signals.outcomeAfterHangUp()))
      }
    }
  }

  /// Some of libedit's commands for vi leave the cursor before an empty line, and the next one would write there.
  private func keepCursorInLine() {
    let line = el_wline(editor).pointee
    if line.cursor < line.buffer { editline_move(editor, CInt(line.buffer - line.cursor)) }
    if line.cursor > line.lastchar { editline_move(editor, CInt(line.lastchar - line.cursor)) }
  }

  /// Takes in what begins with ESC.
  /// - Returns: whether `restOfKey` has something for libedit now.
  private func take(_ sequence: KeySequence) -> Bool {
    switch sequence {
    case .nothing, .character: return false
    case .pasteBeginning:
      if canErase { paste.begin(at: .now) }
      return false
    case .escape, .alt, .special:
      if case .asking = paste {
        // An arrow is no answer.
        if case .special = sequence { return false }
        answer(0x1B)
        return false
      }
    }
    let bytes = sequence.bytes.map(UInt32.init)
    keyCount.note(sequence)
    if isEscapeHeld, case .special = sequence {
      // libedit has the ESC of it already.
      restOfKey = bytes
    } else {
      // The search gets an ESC of its own, and the key comes after it.
      restOfKey = (isSearching && !bytes.isEmpty ? [0x1B, 0x1B] : [0x1B]) + bytes
    }
    isEscapeHeld = bytes.isEmpty && !isSearching && editline_is_vi(editor) == 0
    return true
  }

  private func put(_ key: UInt32, into character: UnsafeMutablePointer<wchar_t>) -> CInt {
    UnsafeMutableRawPointer(character).storeBytes(of: key, as: UInt32.self)
    return 1
  }

  private enum Stop {
    case end(InputEvent)
    /// The line is to go on in a new call of `el_gets`, whose first key is one for a command.
    case restart
  }

  private func stop(_ stop: Stop) -> CInt {
    self.stop = stop
    return 0
  }

  /// Adds a byte to the character that is being decoded.
  /// - Returns: whether it is complete now.
  private func decode(_ byte: UInt8, into character: UnsafeMutablePointer<wchar_t>) -> Bool {
    var byte = CChar(bitPattern: byte)
    switch mbrtowc(character, &byte, 1, &decoding) {
    case 0, 1:
      return true
    case Int(bitPattern: UInt.max - 1):
      return false
    default:
      return putDamaged(into: character) == 1
    }
  }

  /// Hands out U+FFFD for bytes that are not UTF-8, so that they are seen and not dropped.
  private func putDamaged(into character: UnsafeMutablePointer<wchar_t>) -> CInt {
    decoding = mbstate_t()
    return put(0xFFFD, into: character)
  }
}

/// The line as libedit has it.
extension LibeditEditor {
  var isLineEmpty: Bool {
    let line = el_line(editor).pointee
    return line.buffer == line.lastchar
  }

  /// The line as libedit has it, before the cursor and behind it.
  var parts: LineParts {
    let line = el_line(editor).pointee
    let before = UnsafeRawBufferPointer(start: line.buffer, count: line.cursor - line.buffer)
    let after = UnsafeRawBufferPointer(start: line.cursor, count: line.lastchar - line.cursor)
    return LineParts(before: Array(before), after: Array(after))
  }

  /// Has `line` in libedit's line in place of what is there.
  func replaceLine(with line: LineParts) {
    func characters(in text: [UInt8]) -> CInt { CInt(String(decoding: text, as: UTF8.self).unicodeScalars.count) }
    let old = parts
    editline_move(editor, characters(in: old.after))
    if !old.text.isEmpty { el_deletestr(editor, characters(in: old.text)) }
    if !line.text.isEmpty { editline_insert(editor, String(decoding: line.text, as: UTF8.self)) }
    editline_move(editor, -characters(in: line.after))
  }
}
