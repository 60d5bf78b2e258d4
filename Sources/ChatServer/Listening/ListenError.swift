import ChatWire
import Glibc

/// Why a server cannot listen, and what to do about it.
package struct ListenError: Error, CustomStringConvertible {
  package let description: String

  private init(_ address: Address, _ problem: String) {
    self.init(description: "Cannot listen on \(address): \(problem)")
  }

  /// - Parameter description: the whole sentence.
  init(description: String) { self.description = description }

  init(_ address: Address, _ error: ResolutionError) {
    self.init(address, "\(error.reason). Check the spelling of '\(error.host)', or give a numeric address.")
  }

  /// - Parameter other: another address that was given to the same server.
  init(_ address: Address, isTakenBy other: Address) {
    let problem = other == address ? "it is given twice" : "\(other), also given, has it already"
    self.init(address, "\(problem). Leave one of the two out.")
  }

  /// Other machines could reach the address.
  init(isOpenToOthers address: Address) {
    self.init(
      address,
      "everybody who reaches that address could come in under any name and read all, unencrypted. "
        + "Use ssh (mychatclient ssh://HOST) or a Unix socket, or give --allow-remote.")
  }

  /// - Parameter option: one that is for Unix sockets alone.
  init(hasNoUnixSocketFor option: String) {
    self.init(description: "\(option) is for Unix sockets, and there is none. Add an address unix:PATH.")
  }

  init(_ address: Address, _ error: SystemCallError) { self.init(address, Self.advice(for: error, on: address)) }

  private static func advice(for error: SystemCallError, on address: Address) -> String {
    switch (error.code, address) {
    case (EADDRINUSE, .internet):
      "the port is in use. Stop the server that has it, or give another port (0 takes a free one)."
    case (EADDRINUSE, .unix): "a server is listening there already. Stop it, or choose another path."
    case (ENOTSOCK, .unix): "there is a file of that name, and it is no socket. Choose another path."
    case (EEXIST, .unix(let path)):
      "'\(UnixSocketFile.lockPath(for: path))' is not a lock of yours. Remove it if no server uses it, or choose another path."
    case (ESTALE, .unix): "somebody has replaced the socket. Choose a path in a directory that only you may write to."
    case (EACCES, .internet), (EPERM, .internet): "permission denied. Ports below 1024 are for root; give a higher one."
    case (EPERM, .unix) where error.call.description == SocketAccess.groupCall.description:
      "the server's user may not give a file to that group. Make it a member of the group, or choose another one."
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
}
