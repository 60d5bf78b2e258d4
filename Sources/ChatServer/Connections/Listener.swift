import CLinux
import ChatWire
import Dispatch
import Glibc

/// A socket that takes connections, and its dispatch source.
///
/// Confined to the server's queue.
final class Listener {
  enum Accepted: ~Copyable {
    case connection(FileDescriptor, from: SocketAddress)
    /// Nobody is waiting.
    case nobody
    /// This one has gone again; the next may be fine.
    case gone
    /// No descriptor or no memory is left; trying again at once would be in vain.
    case exhausted
  }

  /// Where it listens, with the port that it really got.
  let address: Address
  private let descriptor: FileDescriptor
  private var source: (any DispatchSourceRead)?
  private var isSuspended = false

  /// Sockets bound and listening for all that `address` stands for, in the order of the resolver.
  /// - Parameter others: those of the addresses given before, which may be in the way.
  static func all(for address: Address, besides others: [Listener]) throws(ListenError) -> [Listener] {
    let resolved: [SocketAddress]
    do { resolved = try address.resolved() } catch {
      throw ListenError(address, "\(error.reason). Check the spelling of '\(error.host)', or give a numeric address.")
    }
    var listeners: [Listener] = []
    for candidate in resolved { listeners.append(try Listener(on: candidate, for: address, besides: others)) }
    return listeners
  }

  private init(on resolved: SocketAddress, for wanted: Address, besides others: [Listener]) throws(ListenError) {
    do {
      descriptor = try Self.listeningSocket(on: resolved, for: wanted)
      address = try descriptor.localAddress().address
    } catch let error as SystemCallError {
      if error.code == EADDRINUSE, let other = others.first(where: { $0.takes(resolved.address) }) {
        let problem = other.address == wanted ? "it is given twice" : "\(other.address), also given, has it already"
        throw ListenError(wanted, "\(problem). Leave one of the two out.")
      }
      throw ListenError(wanted, Self.advice(for: error, on: wanted))
    } catch let error as ListenError {
      throw error
    } catch {
      throw ListenError(wanted, "\(error).")
    }
  }

  private static func listeningSocket(on resolved: SocketAddress, for wanted: Address) throws -> FileDescriptor {
    let socket = try FileDescriptor.socket(for: resolved)
    try socket.setBlocking(false)
    if case .unix(let path) = wanted {
      try removeStaleSocket(at: path, resolved, for: wanted)
      // Nobody else gets in between bind and chmod: on Linux a socket file takes its mode from the socket.
      _ = fchmod(socket.number, 0o600)
      try socket.bind(to: resolved)
      _ = chmod(path, 0o660)
    } else {
      try socket.set(.reuseAddress, to: 1)
      if resolved.family == AF_INET6 { try socket.set(.ipv6Only, to: 1) }
      try prepareForMembers(socket)
      try socket.bind(to: resolved)
    }
    try socket.listen(backlog: 4096)
    return socket
  }

  /// Accepted sockets take these over from the one that listens (Linux copies the whole socket), so that they cost no call
  /// for each connection. What waits for a slow reader waits in the room's log, once for all, and not in megabytes with the
  /// kernel, where the next line would have to wait behind it. A machine that vanished is found by unanswered questions
  /// where nothing is on its way; where something is, the server itself looks.
  private static func prepareForMembers(_ socket: borrowing FileDescriptor) throws(SystemCallError) {
    try socket.set(.noDelay, to: 1)
    try socket.set(.unsentLowWater, to: 16 << 10)
    try socket.set(.keepAlive, to: 1)
    try socket.set(.keepAliveIdle, to: 15)
    try socket.set(.keepAliveInterval, to: 5)
    try socket.set(.keepAliveCount, to: 3)
  }

  /// A socket file whose server has died would be in the way for ever; one that answers is in use.
  private static func removeStaleSocket(
    at path: String, _ resolved: SocketAddress, for wanted: Address
  ) throws {
    var information = stat()
    guard lstat(path, &information) == 0 else { return }
    guard information.st_mode & S_IFMT == S_IFSOCK else {
      throw ListenError(wanted, "there is a file of that name, and it is no socket. Choose another path.")
    }
    let probe = try FileDescriptor.socket(for: resolved)
    do throws(SystemCallError) { try probe.connect(to: resolved) } catch {
      if error.code == ECONNREFUSED { unlink(path) }
      return
    }
    throw SystemCallError("bind", code: EADDRINUSE)
  }

  /// Whether this listener is why nobody else can listen on `address`.
  private func takes(_ address: Address) -> Bool {
    switch (self.address, address) {
    case (.internet(let own, let ownPort), .internet(let host, let port)):
      let isSameKind = own.contains(":") == host.contains(":")
      return ownPort == port && (own == host || isSameKind && [own, host].contains { $0 == "0.0.0.0" || $0 == "::" })
    case (.unix(let own), .unix(let path)):
      var (first, second) = (stat(), stat())
      return lstat(own, &first) == 0 && lstat(path, &second) == 0
        && first.st_dev == second.st_dev && first.st_ino == second.st_ino
    default: return false
    }
  }

  private static func advice(for error: SystemCallError, on address: Address) -> String {
    switch (error.code, address) {
    case (EADDRINUSE, .internet):
      "the port is in use. Stop the server that has it, or give another port (0 takes a free one)."
    case (EADDRINUSE, .unix): "a server is listening there already. Stop it, or choose another path."
    case (EACCES, .internet), (EPERM, .internet): "permission denied. Ports below 1024 are for root; give a higher one."
    case (EACCES, .unix), (EPERM, .unix), (EROFS, .unix):
      "no permission to make a socket there. Choose a path in a directory that you may write to."
    case (ENOENT, .unix(let path)) where isDirectory(parent(of: path)):
      "no socket can be made in that directory. Choose another path."
    case (ENOENT, .unix), (ENOTDIR, .unix): "there is no such directory. Make it first, or choose another path."
    case (EADDRNOTAVAIL, _): "this machine has no such address. Give one of its own, or 0.0.0.0 or [::]:PORT for all."
    case (EAFNOSUPPORT, _): "this machine does not speak that kind of address. Give another one."
    case (EMFILE, _), (ENFILE, _): "too many files are open. Raise the limit (ulimit -n), or close something."
    default: "\(error)."
    }
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return String(path[...slash])
  }

  private static func isDirectory(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  /// Calls `report` on `queue` whenever somebody may be waiting.
  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void) {
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor.number, queue: queue)
    source.setEventHandler(handler: report)
    // The descriptor has to outlive its registration: the handler keeps us until libdispatch is done.
    source.setCancelHandler { _ = self }
    source.activate()
    self.source = source
  }

  /// Takes the next connection: non-blocking and closed on exec.
  func accept() -> Accepted {
    while true {
      var number: CInt = -1
      let peer = SocketAddress(
        filledBy: { accept4(descriptor.number, $0, $1, CInt(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)) },
        result: &number)
      if number >= 0 { return .connection(FileDescriptor(owning: number), from: peer) }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .nobody
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
      // Linux hands a new connection's own network error to accept (accept(2)).
      default: return .gone
      }
    }
  }

  /// Stops reports for a while: a listener that nobody can accept from would report without end.
  func pause() {
    guard !isSuspended else { return }
    isSuspended = true
    source?.suspend()
  }

  func resume() {
    guard isSuspended else { return }
    isSuspended = false
    source?.resume()
  }

  /// Stops for good, and removes the socket's file.
  func close() {
    // A suspended source would keep its cancellation to itself.
    resume()
    source?.cancel()
    source = nil
    if case .unix(let path) = address { unlink(path) }
  }
}
