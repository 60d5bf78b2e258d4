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
    /// This connection broke before it was accepted; the next may be fine.
    case aborted
    /// No descriptor or no memory is left; trying again at once would be in vain.
    case exhausted
  }

  /// Where it listens, with the port that the kernel chose if it was asked to.
  let address: Address
  private let descriptor: FileDescriptor
  /// The file of a Unix socket until `close`; nil for other sockets.
  private var file: UnixSocketFile?
  /// Whether somebody else opened the socket: its connections then lack the options that ours inherit from it.
  private let isInherited: Bool
  private var source: (any DispatchSourceRead)?
  private var isSuspended = false

  /// Whether it is for proxies, which say in front of each connection whom they pass on.
  let isForProxies: Bool
  /// Whether the kernel says of its peers whose they are.
  var provesLogins: Bool { if case .unix = address { !isForProxies } else { false } }

  /// Sockets bound and listening for all that `address` stands for, in the order of the resolver.
  /// - Parameters:
  ///   - others: listeners of this server's other addresses, which may be in the way. One that was inherited stands for its
  ///     address.
  ///   - isForProxies: whether its peers are proxies.
  ///   - configuration: whether other machines may reach it, and who on this one.
  static func all(
    for address: Address, besides others: [Listener], isForProxies: Bool = false, _ configuration: Configuration
  ) throws(ListenError) -> [Listener] {
    let resolved: [SocketAddress]
    do { resolved = try address.resolved() } catch { throw ListenError(address, error) }
    guard configuration.allowsRemote || resolved.allSatisfy(\.isLocal) else {
      throw ListenError(isOpenToOthers: address)
    }
    // Whoever may write to a socket for proxies is believed, so what lets members in does not count there.
    let access = isForProxies ? SocketAccess() : configuration.socketAccess
    var listeners: [Listener] = []
    for candidate in resolved where !others.contains(where: { $0.isInherited && $0.address == candidate.address }) {
      listeners.append(
        try Listener(on: candidate, for: address, besides: others, isForProxies: isForProxies, access))
    }
    return listeners
  }

  private init(
    on resolved: SocketAddress, for wanted: Address, besides others: [Listener], isForProxies: Bool,
    _ access: SocketAccess
  ) throws(ListenError) {
    self.isForProxies = isForProxies
    do throws(SystemCallError) {
      let socket = try FileDescriptor.socket(for: resolved)
      try socket.setBlocking(false)
      if case .unix(let path) = wanted {
        file = try UnixSocketFile(binding: socket, to: resolved, at: path, access)
      } else {
        try Self.prepareForMembers(socket)
        try socket.set(.reuseAddress, to: 1)
        if resolved.family == AF_INET6 { try socket.set(.ipv6Only, to: 1) }
        try socket.bind(to: resolved)
      }
      try socket.listen(backlog: 4096)
      address = try socket.localAddress().address
      descriptor = socket
      isInherited = false
    } catch {
      if error.code == EADDRINUSE, let other = others.first(where: { $0.conflicts(with: resolved.address) }) {
        throw ListenError(wanted, isTakenBy: other.address)
      }
      throw ListenError(wanted, error)
    }
  }

  /// Takes over a socket that is listening already. Its file, if it has one, is not ours to remove.
  /// - Parameters:
  ///   - number: from now on only this listener closes it.
  ///   - configuration: whether other machines may reach it, and whether its peers are proxies.
  init(inheriting number: CInt, _ configuration: Configuration) throws(ListenError) {
    let socket = FileDescriptor(owning: number)
    let place: SocketAddress
    do throws(SystemCallError) {
      guard try socket.isListening() else { throw SystemCallError("listen", code: ENOTSOCK) }
      place = try socket.localAddress()
      try socket.setBlocking(false)
    } catch {
      throw error.code == ENOTSOCK ? ListenError.isNoListener(number) : ListenError(inherited: number, error)
    }
    address = place.address
    if case .unix(path: "") = address { throw ListenError.isNoListener(number) }
    guard configuration.allowsRemote || place.isLocal else { throw ListenError(isOpenToOthers: address) }
    isForProxies = configuration.proxyAddresses.contains(address)
    descriptor = socket
    isInherited = true
  }

  /// Goes on where another program has stopped.
  init(continuing saved: Saved) {
    address = saved.address
    (isInherited, isForProxies) = (saved.isInherited, saved.isForProxies)
    descriptor = FileDescriptor(owning: saved.descriptor)
    if let former = saved.file { file = UnixSocketFile(continuing: former) }
  }

  /// A listener as it is handed over.
  struct Saved: StateCoded {
    let address: Address
    fileprivate let descriptor: CInt
    fileprivate let isInherited: Bool
    let isForProxies: Bool
    fileprivate let file: UnixSocketFile.Saved?

    var descriptors: [CInt] { [descriptor] + [file?.lock].compactMap(\.self) }
  }

  var saved: Saved {
    Saved(
      address: address, descriptor: descriptor.number, isInherited: isInherited, isForProxies: isForProxies,
      file: savedFile)
  }

  private var savedFile: UnixSocketFile.Saved? {
    switch file {
    case .some(let file): file.saved
    case nil: nil
    }
  }

  /// Accepted sockets inherit these options from the listener (Linux copies the whole socket), so they cost no call for each
  /// connection. The kernel buffers little for a slow reader: its lines wait in the room's log, once for all members, and
  /// a new line does not have to wait behind megabytes. Keepalive finds a dead host on an idle connection; with data in
  /// flight `ProgressWatch` does.
  private static func prepareForMembers(_ socket: borrowing FileDescriptor) throws(SystemCallError) {
    try socket.set(.noDelay, to: 1)
    try socket.set(.unsentLowWater, to: 16 << 10)
    try socket.set(.keepAlive, to: 1)
    try socket.set(.keepAliveIdle, to: 15)
    try socket.set(.keepAliveInterval, to: 5)
    try socket.set(.keepAliveCount, to: 3)
  }

  /// Whether this listener keeps others from listening on `address`.
  private func conflicts(with address: Address) -> Bool {
    // Two paths may lead to one file.
    if case .unix(let path) = address { return file?.isAt(path) ?? false }
    return self.address.excludes(address)
  }

  /// Calls `report` on `queue` whenever somebody may be waiting.
  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void) {
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor.number, queue: queue)
    source.setEventHandler(handler: report)
    // The descriptor must outlive its registration: the handler keeps the listener alive until libdispatch is done.
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
      if number >= 0 {
        let connection = FileDescriptor(owning: number)
        if isInherited, case .internet = address { try? Self.prepareForMembers(connection) }
        return .connection(connection, from: peer)
      }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .nobody
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
      // Linux hands a new connection's own network error to accept (accept(2)).
      default: return .aborted
      }
    }
  }

  /// Stops reports until `resume`: while nothing can be accepted the source would fire without end.
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
    // The cancel handler of a suspended source waits for its resumption.
    resume()
    source?.cancel()
    source = nil
    file = nil
  }
}

extension Listener.Saved {
  init(from reader: inout StateReader) throws(StateError) {
    (address, descriptor, isInherited) = (try reader.read(), try reader.read(), try reader.read())
    (isForProxies, file) = (try reader.read(), try reader.read())
    guard descriptor > 2 else { throw .impossible("a listener is closed") }
  }

  func write(to writer: inout StateWriter) { writer.write(address, descriptor, isInherited, isForProxies, file) }
}

extension Address {
  /// Whether whoever listens here keeps others from listening at `other`, as far as the two show it. Port 0 is a free one each time.
  func excludes(_ other: Address) -> Bool {
    switch (self, other) {
    case (.internet(let own, let ownPort), .internet(let host, let port)):
      guard ownPort == port, port != 0 else { return false }
      let isSameKind = own.contains(":") == host.contains(":")
      return own == host || isSameKind && [own, host].contains { $0 == "0.0.0.0" || $0 == "::" }
    case (.unix(let own), .unix(let path)): return own == path
    default: return false
    }
  }
}
