import ChatLoad

/// A server that the benchmark starts, with the settings that favour it.
enum Contender: String, CaseIterable, Sendable {
  case mychat, redis, nats, ngircd, ncat

  /// The name that tables and plots show.
  var name: String {
    switch self {
    case .mychat: "mychatserver"
    case .redis: "Redis pub/sub"
    case .nats: "NATS"
    case .ngircd: "ngircd (IRC)"
    case .ncat: "ncat --chat"
    }
  }

  var dialect: Dialect {
    switch self {
    case .mychat, .ncat: .line
    case .redis: .redis
    case .nats: .nats
    case .ngircd: .irc
    }
  }

  /// The program's file name.
  var program: String {
    switch self {
    case .mychat: "mychatserver"
    case .redis: "redis-server"
    case .nats: "nats-server"
    case .ngircd: "ngircd"
    case .ncat: "ncat"
    }
  }

  /// The Debian package that has the program; nil for our own.
  var package: String? {
    switch self {
    case .mychat: nil
    default: program
    }
  }

  /// What the program is started with to listen on `port` of 127.0.0.1. Nothing is kept on disk, nobody is cut off for
  /// reading slowly or talking much, and nobody is looked up; ours runs as it comes.
  /// - Parameter directory: where it finds the file of `settings`.
  func arguments(port: UInt16, directory: String) -> [String] {
    switch self {
    case .mychat: ["127.0.0.1:\(port)"]
    case .redis:
      [
        "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxclients", "19000",
        "--client-output-buffer-limit", "pubsub 0 0 0", "--dir", directory,
      ]
    case .nats: ["--addr", "127.0.0.1", "--port", "\(port)"]
    case .ngircd: ["--nodaemon", "--config", "\(directory)/ngircd.conf"]
    case .ncat: ["--chat", "--listen", "127.0.0.1", "\(port)", "--max-conns", "6000"]
    }
  }

  /// A file that the program wants in the directory: its name and text.
  func settings(port: UInt16) -> (name: String, text: String)? {
    guard self == .ngircd else { return nil }
    return (
      "ngircd.conf",
      """
      [Global]
      Name = irc.example.net
      Info = benchmark
      Listen = 127.0.0.1
      Ports = \(port)
      MotdPhrase = benchmark
      [Limits]
      MaxConnections = 0
      MaxConnectionsIP = 0
      MaxJoins = 0
      MaxListSize = 0
      MaxPenaltyTime = 0
      [Options]
      DNS = no
      Ident = no
      PAM = no

      """
    )
  }
}
