import ArgumentParser
import ChatRedis
import ChatServer
import ChatWire
import Dispatch
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
    version: "1.0.0")

  @Argument(help: ArgumentHelp("Where to listen. (default: \(Address.standard))", valueName: "address"))
  var addresses: [String] = []

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
      How fast a member may send, in lines a second, and how many lines at once; who is faster is slowed, and loses \
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
  private static let passwordVariable = "MYCHAT_REDIS_PASSWORD"

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

  @Option(help: ArgumentHelp("What watches the connections.", visibility: .hidden))
  var eventLayer = EventLayer.epoll

  func validate() throws {
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
    guard maxPerAddress ?? 1 >= 1 else {
      throw ValidationError("--max-per-address takes a number from 1 on, not \(maxPerAddress ?? 0).")
    }
  }

  func run() throws {
    let inherited = InheritedSockets.take()
    var configuration = Configuration()
    configuration.notifySocket = NotifySocket()
    do { configuration.addresses = try addresses.map { try Address(parsing: $0) } } catch {
      throw ValidationError("\(error)")
    }
    configuration.patience = .seconds(patience)
    configuration.eventLayer = eventLayer
    configuration.rate = rate
    configuration.maximumPerAddress = maxPerAddress
    configuration.transcript = transcript

    configuration.announces = announce
    configuration.replayedLines = replay
    configuration.topic = topic.map { String(decoding: SafeText.made(from: Array($0.utf8)), as: UTF8.self) }
    if let welcome {
      do { configuration.welcome = try Configuration.welcome(fromFile: welcome) } catch { throw failure("\(error)") }
    }
    configuration.stateDirectory = stateDirectory
    configuration.operatorTokenFile = operatorTokenFile

    ignoreBrokenPipes()
    occupyStandardStreams()
    configuration.redis = try redisWithPassword()
    if eventLayer == .portable {
      StandardOutput.write(
        "[WARNING] --event-layer portable is for tests: peers that reset their connections can crash the server.\n",
        to: STDERR_FILENO)
    }
    let (allowed, own) = (raiseDescriptorLimit(), Configuration.reservedDescriptors)
    guard allowed > own else {
      throw failure(
        "The limit of open files is \(allowed), and the server needs \(own + 1) or more: \(own) of its own, and one for each "
          + "member. Raise it, as with 'ulimit -n 1024'.")
    }
    let log = LineWriter(logDescriptor: STDOUT_FILENO)
    do {
      let server = try Server(configuration, log: log) {
        log.drain(seconds: 1)
        Glibc.exit(EXIT_SUCCESS)
      }
      try server.start(stopsOnSignals: true, inheriting: inherited)
      withExtendedLifetime(server) { dispatchMain() }
    } catch { throw failure("\(error)") }
  }

  /// Not read by the parser of arguments, which would show all of a wrong address, and so its password.
  private func redisAddress() throws -> RedisAddress? {
    guard let redis else { return nil }
    do throws(RedisAddressError) { return try RedisAddress(parsing: redis) } catch {
      throw ValidationError("--redis: \(error)")
    }
  }

  private func redisWithPassword() throws -> RedisAddress? {
    guard var redis = try redisAddress() else { return nil }
    if redis.password != nil {
      StandardOutput.write(
        "[WARNING] Everybody on this machine can see the password in the address of --redis (by ps): put it into a file, and "
          + "name that with --redis-password-file.\n", to: STDERR_FILENO)
    }
    if let redisPasswordFile {
      do { redis.password = try SecretFile.redisPassword(fromFile: redisPasswordFile) } catch {
        throw failure("\(error)")
      }
    } else if redis.password == nil, let value = getenv(Self.passwordVariable), value.pointee != 0 {
      redis.password = String(cString: value)
    }
    return redis
  }

  private func failure(_ reason: String) -> ExitCode {
    StandardOutput.report(error: reason)
    return .failure
  }

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      // Wrong usage is one line on standard error, without the synopsis that the parser would add.
      let text = message(for: error).split(separator: "\n").joined(separator: " ")
      let stop = text.hasSuffix(".") || text.hasSuffix("?") ? "" : "."
      StandardOutput.report(error: "\(text)\(stop) See 'mychatserver --help'.")
      Glibc.exit(ExitCode.validationFailure.rawValue)
    }
  }
}

extension EventLayer: ExpressibleByArgument {}
