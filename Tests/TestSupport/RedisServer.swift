import ChatRedis
import ChatWire
import Glibc

/// A redis-server for one test, on a free port of this machine or on a Unix socket. Its files are in a directory of its own, which
/// stays when it is started again. It is killed when this is released.
package final class RedisServer {
  package enum Persistence {
    case none
    /// The append-only file, written to the disk after every command.
    case always
    /// The same once a second.
    case everySecond
  }

  /// 0 on a Unix socket.
  package let port: UInt16
  package let directory: TemporaryDirectory
  private let arguments: [String]
  /// The machine that it runs on; nil for this one.
  private let network: Network?
  private var program: Program?

  /// Where it listens, without a room.
  package var address: Address {
    port == 0 ? .unix(path: directory.file("redis")) : .internet(host: network?.guest ?? "127.0.0.1", port: port)
  }

  /// - Parameters:
  ///   - network: the other machine on which it runs; nil for this one.
  ///   - options: as on the command line of redis-server, such as `["--maxmemory", "10mb"]`.
  package init(
    onUnixSocket: Bool = false, _ persistence: Persistence = .none, on network: Network? = nil, options: [String] = []
  ) throws {
    self.network = network
    directory = try TemporaryDirectory()
    if onUnixSocket {
      port = 0
    } else {
      guard let free = unusedFixedPort() else { throw TestFailure("no free port for redis-server") }
      port = free
    }
    var arguments = [
      "--save", "", "--daemonize", "no", "--bind", network?.guest ?? "127.0.0.1", "--protected-mode", "no", "--port",
      "\(port)", "--dir", directory.path,
      "--unixsocket", onUnixSocket ? directory.file("redis") : "",
    ]
    switch persistence {
    case .none: break
    case .always: arguments += ["--appendonly", "yes", "--appendfsync", "always"]
    case .everySecond: arguments += ["--appendonly", "yes", "--appendfsync", "everysec"]
    }
    self.arguments = arguments + options
    try start()
  }

  package static let isInstalled = installed != nil

  /// The program. Debian's redis-tools has it as redis-check-rdb, and it is whatever it is called as. The package redis-server
  /// would make a user and start a service.
  private static let installed = (try? Program.found("redis-server")) ?? (try? Program.found("redis-check-rdb"))

  /// The program, by the name that has it serve.
  private var executable: String {
    get throws {
      guard let installed = Self.installed else {
        throw TestFailure("redis-server is not installed, and this test needs it; run: make test")
      }
      if installed.hasSuffix("/redis-server") { return installed }
      let link = directory.file("redis-server")
      if symlink(installed, link) != 0, errno != EEXIST { throw TestFailure("cannot link \(link)") }
      return link
    }
  }

  /// What `--redis` of a server gets.
  /// - Parameter credentials: as in `user:password@`.
  package func url(room: String = "main", credentials: String = "") -> String {
    switch address {
    case .unix(let path): "unix:\(path)?room=\(room)"
    case .internet: "redis://\(credentials)\(address)/0?room=\(room)"
    }
  }

  package var pid: pid_t { program?.pid ?? 0 }
  package var isRunning: Bool { program.map { !$0.hasEnded } ?? false }
  /// What it wrote, for a failure.
  package var log: String { text(ofFile: directory.file("redis.log")) }

  /// Starts it again, with the files that it left. Waits until it answers, unless told not to.
  /// - Parameter options: besides those that it has always.
  package func start(awaitAnswer: Bool = true, options: [String] = []) throws {
    let arguments = arguments + options
    let path = try executable
    let command = network?.command(path, arguments) ?? (path: path, arguments: arguments)
    program = try Program(
      command.path, command.arguments, input: .nothing, output: .file(directory.file("redis.log")),
      errors: .file(directory.file("redis.log")))
    guard awaitAnswer else { return }
    try eventually("redis-server to answer; it wrote \(log)") {
      guard isRunning else { throw TestFailure("redis-server ended: \(log)") }
      // Until it knows the password, it answers with NOAUTH, which will do.
      guard let client = try? RedisClient(self), let reply = try? client.call("PING") else { return false }
      if case .error(let text) = reply { return !text.hasPrefix("LOADING") }
      return true
    }
  }

  /// As kill -9.
  package func kill() throws {
    program?.signal(SIGKILL)
    _ = try program?.waitForExit()
    program = nil
  }

  /// Ends it in order.
  package func end() throws {
    program?.signal(SIGTERM)
    _ = try program?.waitForExit()
    program = nil
  }

  /// Lets it do nothing until `resume`; the kernel still takes connections for it.
  package func pause() { program?.signal(SIGSTOP) }
  package func resume() { program?.signal(SIGCONT) }

  /// One command on a connection of its own.
  @discardableResult
  package func command(_ words: String...) throws -> Reply {
    let client = try RedisClient(self)
    return try client.call(words.map { Array($0.utf8) })
  }
}

/// A connection to a redis-server, for one test on one thread.
package final class RedisClient {
  private let socket: FileDescriptor
  private var reader = ReplyReader()
  /// How long each command may take.
  package var limit = generousLimit

  package init(_ server: RedisServer) throws {
    guard let target = try server.address.resolved().first else { throw TestFailure("redis-server has no address") }
    socket = try connectedSocket(to: target)
  }

  @discardableResult
  package func call(_ words: String...) throws -> Reply { try call(words.map { Array($0.utf8) }) }

  @discardableResult
  package func call(_ words: [[UInt8]]) throws -> Reply {
    try send(words)
    return try receive()
  }

  /// Sends a command, and leaves its reply to `receive`.
  package func send(_ words: [[UInt8]]) throws {
    let bytes = RedisCommand.encode(words)
    let deadline = Moment.now + limit
    var sent = 0
    while sent < bytes.count {
      switch bytes[sent...].withUnsafeBytes({ socket.send($0) }) {
      case .bytes(let count): sent += count
      case .wouldBlock:
        guard FileDescriptor.wait(for: POLLOUT, on: socket.number, until: deadline) else {
          throw TestFailure("Redis took \(sent) of \(bytes.count) bytes within \(limit)")
        }
      case .ended: break
      case .failed(let error): throw error
      }
    }
  }

  package func receive() throws -> Reply {
    let deadline = Moment.now + limit
    while true {
      if let reply = try reader.next() { return reply }
      guard FileDescriptor.wait(for: POLLIN, on: socket.number, until: deadline) else {
        throw TestFailure("no reply of Redis within \(limit)")
      }
      let outcome = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        let outcome = socket.receive(into: buffer)
        if case .bytes(let count) = outcome {
          reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bindMemory(to: UInt8.self).span)
        }
        return outcome
      }
      switch outcome {
      case .bytes, .wouldBlock: continue
      case .ended: throw TestFailure("Redis closed the connection")
      case .failed(let error): throw error
      }
    }
  }
}
