extension Command {
  /// The words that commands begin with, in the order in which `/help` lists them.
  package enum Word: String, CaseIterable, Sendable {
    case help, nick, who, msg, reply, me, last, since, ignore, unignore, ignored, away, quit
    case op, kick, ban, unban, bans, mute, unmute, slow

    /// How the command is written.
    package var usage: String { arguments.isEmpty ? "/\(rawValue)" : "/\(rawValue) \(arguments)" }

    private var arguments: String {
      switch self {
      case .who, .ignored, .quit, .bans: ""
      case .help: "[COMMAND]"
      case .nick: "[NAME]"
      case .msg: "NAME TEXT"
      case .reply, .me: "TEXT"
      case .last: "[N]"
      case .since: "HH:MM"
      case .ignore, .unignore, .unmute: "NAME"
      case .away: "[TEXT]"
      case .op: "TOKEN"
      case .kick: "NAME [WHY]"
      case .ban: "NAME|ADDRESS|NET/BITS [TIME] [WHY]"
      case .unban: "NAME|ADDRESS|NET/BITS"
      case .mute: "NAME [TIME]"
      case .slow: "SECONDS"
      }
    }

    /// What the command does, in one line.
    package var help: String {
      switch self {
      case .help: "lists the commands, or says what one of them does"
      case .nick: "takes a name; without one, gives the first one back"
      case .who: "lists who is here"
      case .msg: "says TEXT to one person alone"
      case .reply: "answers the last private line"
      case .me: "says what you do, as in /me waves"
      case .last: "shows the last N lines, 20 if N is not given"
      case .since: "shows what was said since then"
      case .ignore: "hides what that person says"
      case .unignore: "shows it again"
      case .ignored: "lists whom you ignore"
      case .away: "tells those who ask that you are away; without TEXT, that you are back"
      case .quit: "leaves, as exit does"
      case .op: "makes you an operator"
      case .kick: "puts somebody out (operators)"
      case .ban: "keeps a name or an address out, for ever or for a TIME such as 30s, 10m, 2h or 7d (operators)"
      case .unban: "lets it in again (operators)"
      case .bans: "lists who is kept out (operators)"
      case .mute: "lets somebody say nothing more, until they leave or for a TIME such as 10m (operators)"
      case .unmute: "lets them speak again (operators)"
      case .slow: "lets everybody say one line every SECONDS seconds; 0 for any number (operators)"
      }
    }

    /// The word that was probably meant by one that is none; nil if no word comes near.
    static func nearest(to typed: String) -> Word? {
      let typed = Array(typed.utf8.prefix(32))
      let byDistance = allCases.map { (word: $0, distance: distance(typed, Array($0.rawValue.utf8))) }
      return byDistance.min { $0.distance < $1.distance }.flatMap {
        $0.distance <= max(1, typed.count / 3) ? $0.word : nil
      }
    }

    /// How many letters have to be changed, added, left out or swapped with their neighbour (optimal string alignment).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
      var table = Array(repeating: Array(repeating: 0, count: right.count + 1), count: left.count + 1)
      for row in 0...left.count {
        for column in 0...right.count {
          guard row > 0, column > 0 else {
            table[row][column] = row + column
            continue
          }
          let change = left[row - 1] == right[column - 1] ? 0 : 1
          var least = min(
            table[row - 1][column] + 1, table[row][column - 1] + 1, table[row - 1][column - 1] + change)
          if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
            least = min(least, table[row - 2][column - 2] + 1)
          }
          table[row][column] = least
        }
      }
      return table[left.count][right.count]
    }
  }
}
