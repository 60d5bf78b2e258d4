/// One of the two connections of a link. A command behind a read that waits would wait with it, so each has its own.
package enum Line: Hashable, Sendable, CaseIterable {
  case append, read
}

/// What the link asks of Redis.
package enum Request: Sendable {
  case authenticate(user: String?, password: String)
  case select(database: Int)
  case information
  case fsyncPolicy
  case loadScript
  /// - sha: what Redis answered to `loadScript`.
  case run(Verb, sha: String)
  case read(from: Position, boxID: StreamID, milliseconds: Int)

  package func words(keys: RoomKeys, server: ServerID) -> [[UInt8]] {
    switch self {
    case .authenticate(nil, let password): Self.words("AUTH", password)
    case .authenticate(let user?, let password): Self.words("AUTH", user, password)
    case .select(let database): Self.words("SELECT", "\(database)")
    case .information: Self.words("INFO")
    case .fsyncPolicy: Self.words("CONFIG", "GET", "appendfsync")
    case .loadScript: Verb.load
    case .run(let verb, let sha): verb.words(sha: sha, keys: keys)
    case .read(let position, let boxID, let milliseconds):
      ReadReply.words(keys: keys, from: position, server: server, boxID: boxID, milliseconds: milliseconds)
    }
  }

  private static func words(_ words: String...) -> [[UInt8]] { words.map { Array($0.utf8) } }
}

/// What a session wants done, in order.
package enum LinkCommand: Sendable {
  /// Find the addresses of Redis's host; answered by `resolved` or `connectingFailed`.
  case resolve
  /// Connect to one of them; answered by `connected` or `connectingFailed`.
  case connect(Line, candidate: Int)
  case send(Line, Request)
  /// Close both connections. Nothing that still comes from them is wanted.
  case disconnect
  /// Tell the administrator something.
  case report(String)
  /// Tell the administrator something that keeps the link from working.
  case complain(String)
}
