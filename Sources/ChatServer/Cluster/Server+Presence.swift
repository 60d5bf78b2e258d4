import ChatRedis
import ChatWire

/// Who is here on whichever server, and by which name.
extension Server {
  /// Whether something that the member asked for is still to be decided by all servers: its name, or what became of a private
  /// line. Until then what it sends waits, but for `exit`; `releaseFromJournal` lets it go on.
  func isUndecided(_ connection: Connection) -> Bool { false }

  func enteredRoom(_ snapshot: Snapshot) {}

  /// What changed at this place between what is said.
  func apply(_ record: Record, of server: ServerID) {}

  func refused(_ operation: Operation) {}
}
