/// The command that reads on in the room and in this server's box, and what it brings.
package struct ReadReply: Equatable, Sendable {
  /// In order, as far as they are this room's.
  package var entries: [Entry] = []
  /// What is wrong with the entry after those; nil if nothing is.
  package var fault: EntryError?
  package var letters: [Letter] = []
  /// The place of the last letter; nil if none came.
  package var boxID: StreamID?

  /// The field of an entry's source, of its body, and of a letter.
  static let source = Array("s".utf8), body = Array("b".utf8), payload = Array("p".utf8)

  /// - Parameter milliseconds: how long Redis waits for something to come; not 0, which is for ever.
  package static func words(
    keys: RoomKeys, from position: Position, server: ServerID, boxID: StreamID, milliseconds: Int
  ) -> [[UInt8]] {
    let words = [
      "XREAD", "COUNT", "64", "BLOCK", "\(milliseconds)", "STREAMS", keys.log, keys.box(of: server), "\(position)",
      "\(boxID)",
    ]
    return words.map { Array($0.utf8) }
  }

  /// - Parameter reply: no error; null if nothing came.
  package init?(_ reply: Reply, keys: RoomKeys, server: ServerID, epoch: Epoch) {
    if reply == .null { return }
    guard let streams = reply.elements else { return nil }
    for stream in streams {
      guard let pair = stream.elements, pair.count == 2, let key = pair[0].text, let items = pair[1].elements else {
        return nil
      }
      for item in items {
        guard let parts = item.elements, parts.count == 2, let id = parts[0].text, let fields = parts[1].elements else {
          return nil
        }
        if key == keys.log {
          guard fault == nil else { break }
          do throws(EntryError) {
            entries.append(try Self.entry(id, fields, in: epoch))
          } catch { fault = error }
        } else if key == keys.box(of: server) {
          guard let place = StreamID(parsing: id) else { return nil }
          boxID = place
          // What somebody else has put there is passed over.
          guard fields.count == 2, fields[0].bytes == Self.payload, let payload = fields[1].bytes,
            let letter = Letter(payload: payload)
          else { continue }
          letters.append(letter)
        } else {
          return nil
        }
      }
    }
  }

  private static func entry(_ id: String, _ fields: [Reply], in epoch: Epoch) throws(EntryError) -> Entry {
    guard let position = Position(parsing: id) else { throw .foreign("its id is \(id)") }
    guard fields.count == 4, fields[0].bytes == source, fields[2].bytes == body, let by = fields[1].bytes,
      let text = fields[3].bytes
    else { throw .foreign("its fields are not those of a room's entry") }
    return try Entry(position: position, source: String(decoding: by, as: UTF8.self), body: text, in: epoch)
  }
}
