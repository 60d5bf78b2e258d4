import ArgumentParser
import ChatRedis
import ChatServer
import ChatWire
import Glibc

@main
struct ServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mychatserver",
    abstract: "The server of a line chat for the terminal.",
    discussion: """
      Everything that one member says goes to all others. Members come with mychatclient, nc, or any program that sends \
      and receives lines of text.

      An ADDRESS is PORT, HOST, HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 takes a free one. SIGINT (Ctrl-C), SIGTERM and \
      SIGHUP stop the server in good order: everybody gets what is on its way.
      """,
    version: Server.version)

  @Argument(
    help: ArgumentHelp(
      "Where to listen. (default: \(Address.standard), unless --proxy-protocol is given)", valueName: "address"))
  var addresses: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Read options from FILE, one a line as on the command line, its value after the first space; a line may be an address \
      or a comment (#). Options on the command line win. May be given several times.
      """, valueName: "file"),
    completion: .file())
  var config: [String] = []

  @Flag(help: "Say what the server would do, or what is wrong, and end. Nothing is written.")
  var check = false

  // Unconditional, here and below, so that the -1 of `--patience -1` is a value, not an unknown option.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How long the room waits for members that are far behind, before they miss lines.", valueName: "seconds"))
  var patience = 1.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      How fast a member may send, in lines a second, and how many lines at once; whoever is faster is slowed, and loses \
      nothing while connected. (default: no limit)
      """, valueName: "lines[:burst]"),
    transform: {
      guard let rate = RateLimit(parsing: $0) else {
        throw ValidationError("'\($0)' is no rate; write LINES or LINES:BURST, as in 10:50.")
      }
      return rate
    })
  var rate: RateLimit?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      How many connections one address may have; an IPv6 address counts by its first 64 bits, and loopback does not \
      count. (default: no limit)
      """, valueName: "n"))
  var maxPerAddress: Int?

  @Option(
    help: ArgumentHelp(
      """
      Keep every public line, with its time, at the end of FILE. A server that is started again takes the last lines back. \
      SIGHUP reopens FILE, and no longer stops the server. (default: nothing is kept)
      """, valueName: "file"), completion: .file())
  var transcript: String?

  @Option(
    help: ArgumentHelp(
      "Keep bans in DIR, so that they survive a restart; it is made if it is missing. (default: they do not)",
      valueName: "dir"), completion: .directory)
  var stateDirectory: String?

  @Option(
    help: ArgumentHelp(
      """
      Whoever says '/op TOKEN' with the first line of FILE keeps order: may kick, ban and mute. Nobody but its owner may \
      read FILE. (default: nobody)
      """, valueName: "file"), completion: .file())
  var operatorTokenFile: String?

  @Option(
    name: .customLong("operator"),
    help: ArgumentHelp(
      """
      Members on a Unix socket with this login keep order as soon as they come; give it again for others. (default: nobody)
      """, valueName: "login"))
  var operators: [String] = []

  @Option(
    help: ArgumentHelp(
      "The permissions of Unix sockets, in octal: whoever may write to one may come in. (default: 660)",
      valueName: "mode"),
    transform: {
      guard let mode = SocketAccess.mode(parsing: $0) else {
        throw ValidationError("'\($0)' is no mode; write three octal digits, as in 660.")
      }
      return mode
    })
  var socketMode: mode_t?

  @Option(
    help: ArgumentHelp(
      "The group of Unix sockets, by name or number. (default: the server's own)", valueName: "group"))
  var socketGroup: String?

  @Flag(
    help: """
      Listen on addresses that other machines reach, although whoever reaches them can come in under any name, and read all. \
      (default: only loopback and Unix sockets)
      """)
  var allowRemote = false

  @Option(
    help: ArgumentHelp(
      """
      Listen at ADDRESS for a proxy, such as stunnel, that says by the PROXY protocol (version 1 or 2) whom it passes on. Whoever \
      may connect there is believed. May be given several times. (default: nowhere)
      """, valueName: "address"))
  var proxyProtocol: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Share one room with other servers through a Redis (7.0 or newer): redis://HOST[:PORT][/DATABASE][?room=NAME] or \
      unix:PATH[?room=NAME]. (default: a room of this server alone)
      """, valueName: "address"))
  var redis: String?

  @Option(
    help: ArgumentHelp(
      """
      The password of that Redis is the first line of FILE. Nobody but its owner may read FILE. (default: the environment's \
      \(passwordVariable))
      """, valueName: "file"), completion: .file())
  var redisPasswordFile: String?

  /// In the environment, where a program's other users cannot see it.
  static let passwordVariable = "MYCHAT_REDIS_PASSWORD"

  @Flag(help: "Say who comes and who goes.")
  var announce = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Show the last N lines to everybody who comes, with their times.", valueName: "n"))
  var replay = 0

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Tell everybody who comes what the room is about.", valueName: "text"))
  var topic: String?

  @Option(
    help: ArgumentHelp("Tell everybody who comes the lines of FILE, at most 4 KiB.", valueName: "file"),
    completion: .file())
  var welcome: String?

  @Option(
    help: ArgumentHelp(
      "How the log is written: as lines for people, or as one JSON object a line.", valueName: "format"))
  var logFormat = LogFormat.Style.text

  @Option(
    help: ArgumentHelp(
      """
      Write the log to the end of FILE. SIGHUP reopens FILE, and no longer stops the server. (default: standard output)
      """, valueName: "file"),
    completion: .file())
  var logFile: String?

  @Flag(help: "Begin each line of the log with its time, in UTC.")
  var logTimes = false

  @Flag(help: "Log no messages.")
  var quiet = false

  @Flag(name: .customLong("no-message-text"), help: "Log that there was a message, and not what it says.")
  var hidesMessageText = false

  @Option(
    help: ArgumentHelp(
      """
      Write counters for Prometheus into FILE every 15 s, as its node_exporter collects them from files that end in .prom. \
      (default: nowhere)
      """, valueName: "file"),
    completion: .file())
  var metricsFile: String?

  @Option(
    help: ArgumentHelp(
      """
      Let Prometheus ask for the counters there, by HTTP at /metrics: an address of loopback, or unix:PATH. \
      (default: nowhere)
      """, valueName: "address"))
  var metrics: String?

  @Option(help: ArgumentHelp("What watches the connections.", visibility: .hidden))
  var eventLayer = EventLayer.epoll

  @Option(help: ArgumentHelp("Say whether this program could go on with that.", visibility: .hidden))
  var checkTakeover: Int32?

  /// Throws `ValidationError` if a value, or several together, cannot be what is meant. The parser does not call it, because a
  /// command line may be complete only with its files of options.
  func validateAll() throws {
    _ = try listeningAddresses()
    _ = try proxyAddresses()
    _ = try metricsAddress()
    guard patience >= 0, patience <= 3600 else {
      throw ValidationError("--patience takes a number of seconds from 0 to 3600, not \(patience).")
    }
    guard (0...1_000_000).contains(replay) else {
      throw ValidationError("--replay takes a number of lines from 0 to 1000000, not \(replay).")
    }
    guard topic?.utf8.count ?? 0 <= Configuration.maximumTopicBytes else {
      throw ValidationError(
        "--topic takes at most \(Configuration.maximumTopicBytes) bytes; write more into a --welcome FILE.")
    }
    _ = try redisAddress()
    guard redis != nil || redisPasswordFile == nil else {
      throw ValidationError("--redis-password-file is for --redis, which is missing.")
    }
    guard redis == nil || stateDirectory == nil else {
      throw ValidationError("With --redis the bans are kept in Redis; leave out --state-directory.")
    }
    if let login = operators.first(where: { !Configuration.canBeLogin($0) }) {
      throw ValidationError(
        "--operator: nobody is called '\(login)' here; a login that can be no name is shown by its number, as uid-1001."
      )
    }
    if let metricsFile, !metricsFile.hasSuffix(".prom") {
      throw ValidationError(
        "--metrics-file takes a file that ends in .prom, because node_exporter collects no other, not '\(metricsFile)'."
      )
    }
    guard !logTimes || logFormat == .text else {
      throw ValidationError("With --log-format json each line has its time; leave out --log-times.")
    }
    guard !quiet || !hidesMessageText else {
      throw ValidationError("Give --quiet, which logs no messages, or --no-message-text, not both.")
    }
    guard maxPerAddress ?? 1 >= 1 else {
      throw ValidationError("--max-per-address takes a number from 1 on, not \(maxPerAddress ?? 0).")
    }
  }

  /// Where to listen; none for the default.
  func listeningAddresses() throws -> [Address] { try addresses.map(Self.address) }

  func proxyAddresses() throws -> [Address] { try proxyProtocol.map(Self.address) }

  func metricsAddress() throws -> Address? { try metrics.map(Self.address) }

  private static func address(_ text: String) throws -> Address {
    do throws(AddressError) { return try Address(parsing: text) } catch { throw ValidationError("\(error)") }
  }

  /// Not read by the parser of arguments, which would show all of a wrong address, and so its password.
  func redisAddress() throws -> RedisAddress? {
    guard let redis else { return nil }
    do throws(RedisAddressError) { return try RedisAddress(parsing: redis) } catch {
      throw ValidationError("--redis: \(error)")
    }
  }
}
