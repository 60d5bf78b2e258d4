import ChatWire

/// Which turn of which server made an entry: its field `s`, `EPOCH:SERVER:SEQUENCE`.
package struct EntrySource: Hashable, Sendable, CustomStringConvertible {
  package var epoch: Epoch
  package var server: ServerID
  /// Counted from 1 for each server.
  package var sequence: Int

  package init(epoch: Epoch, server: ServerID, sequence: Int) {
    self.epoch = epoch
    self.server = server
    self.sequence = sequence
  }

  package init?(parsing text: some StringProtocol) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false)
    guard words.count == 3, let epoch = Epoch(parsing: words[0]), let server = ServerID(parsing: words[1]),
      let sequence = Int(words[2]), sequence > 0
    else { return nil }
    self.init(epoch: epoch, server: server, sequence: sequence)
  }

  package var description: String { "\(epoch):\(server):\(sequence)" }
}

extension EntrySource: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self.init(epoch: try reader.read(), server: try reader.read(), sequence: try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(epoch, server, sequence) }
}
