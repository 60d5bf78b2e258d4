import ArgumentParser
import ChatRedis
import ChatServer
import ChatWire
import Dispatch
import Glibc

/// What a command does that is right.
extension ServerCommand {
  func run() throws {
    let inherited = InheritedSockets.take()
    ignoreBrokenPipes()
    ignoreFileSizeLimit()
    occupyStandardStreams()
    let configuration = try configuration()
    if eventLayer == .portable {
      warn("--event-layer portable is for tests: peers that reset their connections can crash the server.")
    }
    let (allowed, own) = (raiseDescriptorLimit(), Configuration.reservedDescriptors)
    guard allowed > own else {
      throw Self.failure(
        "The limit of open files is \(allowed), and the server needs \(own + 1) or more: \(own) of its own, and one for each "
          + "member. Raise it, as with 'ulimit -n 1024'.")
    }
    if let checkTakeover { return try sayWhetherToGoOn(with: checkTakeover, configuration) }
    do {
      if check {
        let lines = try configuration.check(logFile: logFile, as: logFormatOfAll)
        StandardOutput.write(lines.map { $0 + "\n" }.joined())
        return
      }
      let handedOver = try HandedOver.inherited(for: configuration)
      let log = try Log(logFile, as: logFormatOfAll, continuing: handedOver?.log)
      let server = try Server(configuration, log: log, continuing: handedOver) {
        log.drain(seconds: 1)
        Glibc.exit(EXIT_SUCCESS)
      }
      try server.start(stopsOnSignals: true, inheriting: inherited)
      // Not dispatchMain, for the sake of signals: see StopSignals.
      withExtendedLifetime(server) { DispatchSemaphore(value: 0).wait() }
    } catch { throw Self.failure("\(error)") }
  }

  /// Tells whoever starts the server. When it goes on in the place of another program nobody does, and a room waits.
  private func warn(_ text: String) {
    if !HandedOver.isThere { StandardOutput.write("[WARNING] \(text)\n", to: STDERR_FILENO) }
  }

  /// Reads what another program would hand over to this one.
  private func sayWhetherToGoOn(with descriptor: CInt, _ configuration: Configuration) throws {
    if check { throw Self.failure("With --check it would end at once. Remove that from the file of options.") }
    do {
      try HandedOver.check(descriptor, for: configuration, logFile: logFile)
      StandardOutput.write("\(Successor.ready)\n")
    } catch let error as StateError {
      throw Self.failure("What this program knows cannot be read by '\(CommandLine.arguments[0])': \(error).")
    } catch { throw Self.failure("\(error)") }
  }

  private func configuration() throws -> Configuration {
    var configuration = Configuration()
    configuration.addresses = try listeningAddresses()
    configuration.proxyAddresses = try proxyAddresses()
    configuration.notifySocket = NotifySocket()
    configuration.patience = .seconds(patience)
    configuration.eventLayer = eventLayer
    configuration.rate = rate
    configuration.maximumPerAddress = maxPerAddress
    configuration.transcript = transcript

    configuration.announces = announce
    configuration.replayedLines = replay
    configuration.topic = topic.map { String(decoding: SafeText.made(from: Array($0.utf8)), as: UTF8.self) }
    if let welcome {
      do { configuration.welcome = try Configuration.welcome(fromFile: welcome) } catch {
        throw Self.failure("\(error)")
      }
    }
    configuration.stateDirectory = stateDirectory
    configuration.operatorTokenFile = operatorTokenFile
    configuration.operators = Set(operators)
    configuration.allowsRemote = allowRemote
    if let socketMode { configuration.socketAccess.mode = socketMode }
    if let socketGroup {
      guard let group = SocketAccess.group(named: socketGroup) else {
        throw Self.failure(
          "There is no group '\(socketGroup)' on this machine. Make it, or give another one to --socket-group.")
      }
      configuration.socketAccess.group = group
    }
    configuration.metricsFile = metricsFile
    configuration.metricsAddress = try metricsAddress()
    if let address = configuration.metricsAddress, let places = try? address.resolved(),
      !places.allSatisfy(\.isLocal)
    {
      throw ValidationError(
        "--metrics takes an address that only this machine can reach, such as 127.0.0.1:9464 or unix:PATH, not \(address)."
      )
    }
    configuration.redis = try redisWithPassword()
    return configuration
  }

  private var logFormatOfAll: LogFormat {
    var format = LogFormat()
    format.style = logFormat
    format.messages = quiet ? .nothing : hidesMessageText ? .mention : .text
    format.hasTimes = logTimes
    return format
  }

  private func redisWithPassword() throws -> RedisAddress? {
    guard var redis = try redisAddress() else { return nil }
    if redis.password != nil {
      warn(
        "Everybody on this machine can see the password in the address of --redis (by ps): put it into a file, and "
          + "name that with --redis-password-file.")
    }
    if let redisPasswordFile {
      do { redis.password = try SecretFile.redisPassword(fromFile: redisPasswordFile) } catch {
        throw Self.failure("\(error)")
      }
    } else if redis.password == nil, let value = getenv(Self.passwordVariable), value.pointee != 0 {
      redis.password = String(cString: value)
    }
    return redis
  }
}
