import ChatWire
import Glibc

/// `mychatclient --relay`: the far end of ssh. It connects to a Unix socket, where the kernel tells the server whose login this is,
/// says in one line that it is ready, and copies both ways.
package enum Relay {
  /// What the client waits for. Everything before it is what logins print.
  package static let readyLine = "mychat relay ready"
  /// Where rooms are looked for.
  package static let directory = "/run/mychat"
  /// The exit status of every failure: EX_UNAVAILABLE of sysexits.h.
  package static let unavailable: CInt = 69
  /// The exit status of wrong usage.
  private static let usage: CInt = 64
  private static let connectTimeout = Duration.seconds(10)

  /// Copies until the server ends its stream.
  /// - Parameter path: of the server's socket; nil for the only one in `directory`.
  /// - Returns: the exit status: 0 at the server's end of the stream.
  package static func run(path: String?) -> CInt {
    ignoreBrokenPipes()
    occupyStandardStreams()
    guard isatty(STDIN_FILENO) == 0 else {
      StandardOutput.report(error: Wording.relayIsForSSH)
      return usage
    }
    do {
      var copy = RelayCopy(server: try connect(to: path ?? onlySocket(in: directory)))
      if let error = StandardOutput.write("\(readyLine)\n") ?? copy.run() {
        throw ConnectionFailure(Wording.relayBroke(because: error))
      }
      return 0
    } catch {
      StandardOutput.report(error: "\(error)")
      return unavailable
    }
  }

  private static func connect(to path: String) throws(ConnectionFailure) -> FileDescriptor {
    let address = Address.unix(path: path)
    do {
      let target = try address.resolved()[0]
      let socket = try FileDescriptor.socket(for: target)
      try socket.setBlocking(false)
      try socket.connect(to: target, until: .now + connectTimeout)
      return socket
    } catch let error as SystemCallError {
      throw ConnectionFailure(Wording.cannotConnect(to: address, because: error))
    } catch { throw ConnectionFailure("\(error)") }
  }

  /// The path of the only socket in `directory` whose name ends in `.sock`.
  package static func onlySocket(in directory: String) throws(ConnectionFailure) -> String {
    guard let stream = opendir(directory) else {
      if errno == ENOENT { throw ConnectionFailure(Wording.noRoom(in: directory)) }
      throw ConnectionFailure(Wording.cannotLook(into: directory, because: SystemCallError("opendir")))
    }
    defer { closedir(stream) }
    var paths: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let path = "\(directory)/\(name)"
      var status = stat()
      guard name.hasSuffix(".sock"), stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { continue }
      paths.append(path)
    }
    guard let first = paths.first else { throw ConnectionFailure(Wording.noRoom(in: directory)) }
    guard paths.count == 1 else { throw ConnectionFailure(Wording.severalRooms(paths.sorted())) }
    return first
  }
}
