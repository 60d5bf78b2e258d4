import CEditLine
import ChatWire
import Glibc

/// The line in an editor of the person's choice.
extension LibeditEditor {
  /// Lets the person edit the line with the editor of their choice. What arrives meanwhile is shown when they come back.
  func editElsewhere() -> UInt8 {
    Terminal.write(takeLineOff() + (canErase ? Paste.disable : []))
    session.terminal.restoreModes()
    var held: [UInt8] = []
    let outcome = Result { () throws(ExternalEditor.Failure) in
      try ExternalEditor.edit(parts.text, noting: session.signals) {
        // Its end stays where it is, to be told behind the line.
        guard held.count < Self.maximumHeldBytes, !session.hasEnded,
          let update = session.takeUpdate(hasStatus: canErase)
        else { return }
        held += update.lines
        if let status = update.status { self.status = status }
      }
    }
    session.resume()
    Terminal.write(canErase ? Paste.enable : [])
    switch outcome {
    case .success(let text): take(Paste(text))
    case .failure(.unsuccessful): held += Wording.notEdited(because: nil).utf8
    case .failure(.systemCall(let error)): held += Wording.notEdited(because: error.reason).utf8
    }
    showLine(after: held)
    return UInt8(CC_REFRESH)
  }

  /// Has the text of another editor in place of the line; several lines go out as a pasted block does.
  private func take(_ text: Paste) {
    replaceLine(with: LineParts(before: text.lines.isEmpty ? text.rest : [], after: []))
    if !text.lines.isEmpty { paste.offer(text, asksIfLong: asksAboutLongPastes) }
  }

  /// Bytes that are held beside another editor at most. More stay in the mailbox, and so with the server, which waits or says how many
  /// lines it skips.
  private static let maximumHeldBytes = 1024 * 1024
}
