import ChatWire

/// What an administrator is told when Redis refuses something.
extension Session {
  /// - Parameter text: of Redis's error: a code in capitals, and a sentence.
  static func advice(on text: String, at address: RedisAddress) -> String {
    let noPermission = "does not let this user do what is needed: give it the permissions that .readme/cluster.md lists"
    let what =
      switch text.prefix(while: { $0 != " " }) {
      case "LOADING": "is still loading its data"
      case "NOAUTH":
        "asks for a password: give one by --redis-password-file or MYCHAT_REDIS_PASSWORD"
      case "WRONGPASS":
        "refuses the user or the password: put the right user into the address, or the right password into "
          + "--redis-password-file or MYCHAT_REDIS_PASSWORD"
      case "NOPERM": noPermission
      case "OOM": "has no memory left: raise its maxmemory"
      case "MISCONF": "cannot save to its disk: make room there, or see its log"
      case "READONLY": "is a replica and takes no lines: give the address of its master"
      case "MASTERDOWN": "is a replica that has lost its master: give the address of the master"
      case "BUSY": "is busy with a script of somebody else"
      case "MOVED", "ASK": "keeps this room on another node: give the address of that one"
      case "CLUSTERDOWN": "is a Redis Cluster that is down"
      case "WRONGTYPE": "has keys of this room that are something else: delete them, or choose another room"
      case "DENIED": "is in protected mode: set a password there, or let it listen where only this machine reaches it"
      case "UNBLOCKED": "has just become a replica"
      // These have no code of their own.
      case "ERR" where text.contains("max number of clients"): "takes no more connections: raise its maxclients"
      case "ERR" where text.contains("without any password configured"):
        "has no password: set the one there that you gave, or leave it out"
      case "ERR" where text.contains("DB index"): "has no database \(address.database): give one that it has"
      case "ERR" where text.contains("user executing the script"): noPermission
      default: "answers with an error"
      }
    return "Redis at \(address.address) \(what)."
  }

  /// Bytes of an error that are shown.
  private static let maximumShownBytes = 200

  /// What is shown of an error: nothing that may be the password, and nothing that helps nobody.
  static func words(of text: String, at address: RedisAddress) -> String {
    // Redis repeats the words of a command that it does not know. Where in the script something happened changes from one time
    // to the next.
    let ends = [", with args beginning with", " script: "].compactMap { text.firstRange(of: $0)?.lowerBound }
    var words = text[..<(ends.min() ?? text.endIndex)]
    // Replaced by something else, a password that is a word of this text could be guessed from what is around it.
    if let password = address.password, !password.isEmpty, words.contains(password) {
      words = words.prefix { $0 != " " }
      if words.contains(password) { words = "" }
    }
    let shown = words.utf8.prefix(maximumShownBytes)
    return String(decoding: shown, as: UTF8.self) + (shown.count < words.utf8.count ? " ..." : "")
  }
}
