import ChatWire

/// A command that the client carries out itself, at any server.
package enum LocalCommand: Equatable {
  /// Shows the keys; a server that knows commands shows these.
  case help
  /// Shows the settings.
  case settings
  case set(Looks.Setting, Bool)
  /// `/set` with anything else behind it.
  case wrong

  static let setWord = "/set"

  /// Nil if `line` is none of these.
  package init?(_ line: [UInt8]) {
    let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" }.map { $0.lowercased() }
    switch words.first {
    case "/\(Command.Word.help)" where words.count == 1: self = .help
    case "/\(Command.Word.help)" where words.count == 2 && ["set", Self.setWord].contains(words[1]): self = .wrong
    case Self.setWord where words.count == 1: self = .settings
    case Self.setWord:
      guard words.count == 3, let setting = Looks.Setting(rawValue: words[1]), let value = Self.value(words[2]) else {
        self = .wrong
        return
      }
      self = .set(setting, value)
    default: return nil
    }
  }

  private static func value(_ word: String) -> Bool? {
    switch word {
    case "on": true
    case "off": false
    default: nil
    }
  }
}
