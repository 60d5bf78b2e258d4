import ChatWire

/// What the client itself does at `/help` and `/set`, on a terminal.
extension Client {
  func carryOut(_ command: LocalCommand) {
    switch command {
    case .help:
      Terminal.write(Array((options.plain ? Wording.keysOfPlain : Wording.keys).utf8))
      roster.sendToServerOfCommands("/\(Command.Word.help)\n")
    case .settings:
      let looks = formatter.looks
      let settings = Looks.Setting.allCases.map { "\($0.rawValue) \(looks[$0] ? "on" : "off")" }
      Terminal.write(Array(Wording.settings(settings.joined(separator: ", ")).utf8))
    case .set(let setting, let value):
      let isSet = formatter.set(setting, to: value)
      Terminal.write(Array((isSet ? Wording.settings("\(setting) \(value ? "on" : "off")") : Wording.noColours).utf8))
    case .wrong: Terminal.write(Array(Wording.howToSet.utf8))
    }
  }
}
