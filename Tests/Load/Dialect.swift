/// The language that a server speaks, as far as a load needs it: entering a room, saying a line, answering a ping.
package enum Dialect: String, CaseIterable, Sendable {
  /// Lines as they are, to everybody who is connected: mychat, and servers of its kind.
  case line
  /// Redis publish/subscribe: RESP arrays on a channel (redis.io/docs/reference/protocol-spec).
  case redis
  /// NATS: PUB and MSG on a subject (docs.nats.io/reference/reference-protocols/nats-protocol).
  case nats
  /// IRC: PRIVMSG to a channel (RFC 2812).
  case irc

  /// Whether those who send are themselves in the room, and hear all but their own lines.
  var sendersListen: Bool { self != .redis }

  /// Whether the server itself confirms that a connection is in the room. Otherwise only a line that arrives shows it.
  var confirmsEntry: Bool { self != .line }

  /// The most bytes a line may have. An IRC message has at most 512 with its sender's full name and its CR LF.
  var maximumLineBytes: Int { self == .irc ? 400 : 8192 }

  /// What connection `number` says first to be in the room; one that only sends has nothing to enter.
  func entry(ofConnection number: Int, listens: Bool) -> String {
    switch self {
    case .line: ""
    case .redis: listens ? "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n" : ""
    case .nats: "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\nSUB room 1\r\nPING\r\n"
    case .irc: "NICK n\(number)\r\nUSER load 0 * :load\r\nJOIN #room\r\n"
    }
  }

  /// What stands before a line's text where it is sent.
  func sentPrefix(textBytes: Int) -> String {
    switch self {
    case .line: ""
    case .redis: "*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$\(textBytes)\r\n"
    case .nats: "PUB room \(textBytes)\r\n"
    case .irc: "PRIVMSG #room :"
    }
  }

  /// What stands before a line's text where it is received, as far as it is the same whoever sent it.
  func receivedPrefix(textBytes: Int) -> String {
    switch self {
    case .line: " "
    case .redis: "*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$\(textBytes)\r\n"
    case .nats: "MSG room 1 \(textBytes)\r\n"
    case .irc: " PRIVMSG #room :"
    }
  }

  /// What ends a line.
  var lineEnd: String { self == .line ? "\n" : "\r\n" }
}
