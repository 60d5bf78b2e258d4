import ChatWire

/// Who may not be here, kept over a restart where there is a state directory, and what makes a member an operator.
struct Moderation {
  private(set) var bans = BanList()
  /// Nil if the server has no token, and so no operators.
  let operatorToken: OperatorToken?
  /// Nil where bans last no longer than the server.
  private let file: BanFile?

  /// - Parameter tell: takes what people have to know of damaged lines, a line each.
  init(_ configuration: Configuration, tell: (String) -> Void) throws(FileError) {
    operatorToken = try configuration.operatorTokenFile.map { path throws(FileError) in
      try OperatorToken(fromFile: path)
    }
    file = try configuration.stateDirectory.map { path throws(FileError) in try BanFile(in: path) }
    if let file { bans = try file.load(tell: tell) }
  }

  /// Goes on where another program has stopped.
  /// - Parameter directory: the state directory's descriptor, which holds its lock; nil if there is none.
  init(_ configuration: Configuration, bans: BanList, directory: CInt?) throws(FileError) {
    operatorToken = try configuration.operatorTokenFile.map { path throws(FileError) in
      try OperatorToken(fromFile: path)
    }
    self.bans = bans
    if let directory, let path = configuration.stateDirectory {
      file = BanFile(in: path, lockedBy: FileDescriptor(owning: directory))
      // The other program may have had no time to write the last of them.
      file?.save(bans)
    } else {
      file = nil
    }
  }

  /// The descriptor of the state directory; nil if there is none.
  var stateDirectory: CInt? { file?.directoryNumber }

  /// - Returns: false if there are too many bans.
  mutating func add(_ ban: Ban) -> Bool {
    guard bans.add(ban, at: .now) else { return false }
    file?.save(bans)
    return true
  }

  /// - Returns: the ban that no longer holds; nil if there was none of this target.
  mutating func remove(_ target: Ban.Target) -> Ban? {
    guard let ban = bans.remove(target, at: .now) else { return nil }
    file?.save(bans)
    return ban
  }

  /// Takes the bans of a room that is shared with other servers. They are kept there.
  mutating func replace(_ bans: BanList) { self.bans = bans }

  /// Waits until the bans are written, for `seconds` at most.
  func drain(seconds: Double) { file?.drain(seconds: seconds) }
}
