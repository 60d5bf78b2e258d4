import ChatWire
import Glibc

extension Configuration {
  /// What a server with this configuration would do, a line for each thing that it was told of. Nothing is opened for writing, and
  /// nothing is bound.
  /// - Parameter logFile: where its log would go; nil for standard output.
  /// - Throws: what would keep it from starting, as far as that shows. Whether a port is free does not.
  package func check(logFile: String?, as format: LogFormat) throws -> [String] {
    var lines: [String] = []
    var taken: [Address] = []
    for (purpose, addresses) in [("listen", addressesOrStandard), ("proxies", proxyAddresses)] {
      for address in addresses {
        let places = try Self.places(of: address, besides: &taken)
        guard allowsRemote || places.allSatisfy(\.isLocal) else { throw ListenError(isOpenToOthers: address) }
        lines += places.map { "\(purpose): \($0.address)" }
      }
    }
    try demandUnixSocket(among: addressesOrStandard)
    let open = raiseDescriptorLimit()
    let places = min(maximumMembers ?? .max, open - Self.reservedDescriptors)
    lines.append("members: at most \(places), because \(open) files may be open")
    if let maximumPerAddress { lines.append("connections of one address: at most \(maximumPerAddress)") }
    if let rate { lines.append("rate: \(rate.linesPerSecond) lines a second, and \(rate.burst) at once") }
    if let logFile { try Self.checkFile(at: logFile, for: Log.purpose) }
    lines.append("log: \(logFile ?? "standard output"), as \(format.style)")
    if let transcript {
      try TranscriptFile.check(transcript)
      try Self.checkFile(at: transcript, for: TranscriptFile.purpose)
      if let logFile, FileIdentity.isSame(logFile, transcript) { throw TranscriptFile.error(ofLogAt: transcript) }
      lines.append("transcript: \(transcript)")
    }
    if let stateDirectory {
      try Self.checkDirectory(at: stateDirectory, for: BanFile.purpose)
      lines.append("bans: \(stateDirectory)/bans")
    }
    if let operatorTokenFile {
      _ = try OperatorToken(fromFile: operatorTokenFile)
      lines.append("operators: by the token in \(operatorTokenFile)")
    }
    if !operators.isEmpty { lines.append("operators: \(operators.sorted().joined(separator: ", "))") }
    if let redis { lines.append("redis: \(redis)") }
    if let metricsFile {
      try MetricsFile.check(metricsFile)
      do throws(SystemCallError) { try Self.checkAccess(to: Self.parent(of: metricsFile), W_OK | X_OK) } catch {
        throw FileError(metricsFile, for: MetricsFile.purpose, error)
      }
      lines.append("metrics file: \(metricsFile)")
    }
    if let metricsAddress {
      lines += try Self.places(of: metricsAddress, besides: &taken).map { "metrics: \($0.address)" }
    }
    if announces { lines.append("announced: who comes and who goes") }
    if replayedLines > 0 { lines.append("on coming: the last \(replayedLines) lines") }
    if let topic { lines.append("on coming: the topic, \(topic)") }
    if !welcome.isEmpty { lines.append("on coming: \(welcome.count) lines of welcome") }
    return lines
  }

  /// Throws if the server is told what is for Unix sockets alone, and there is none among the addresses that it listens on.
  func demandUnixSocket(among addresses: [Address]) throws(ListenError) {
    if addresses.contains(where: { if case .unix = $0 { true } else { false } }) { return }
    if !operators.isEmpty { throw ListenError(hasNoUnixSocketFor: "--operator") }
    if socketAccess.mode != SocketAccess().mode { throw ListenError(hasNoUnixSocketFor: "--socket-mode") }
    if socketAccess.group != nil { throw ListenError(hasNoUnixSocketFor: "--socket-group") }
  }

  /// Throws what would keep a program from going on with this configuration in the place of another one, whose files stay open.
  /// - Parameter logFile: where its log would go if not to where it goes already.
  func checkForTakeOver(logFile: String?) throws(FileError) {
    if let logFile {
      // As the program will do it, because whether it can be written shows in no other way of a FIFO.
      _ = try Log.open(logFile)
      if let transcript, FileIdentity.isSame(logFile, transcript) { throw TranscriptFile.error(ofLogAt: transcript) }
    }
    if let operatorTokenFile { _ = try OperatorToken(fromFile: operatorTokenFile) }
    if let metricsFile { try MetricsFile.check(metricsFile) }
  }

  /// Where a listener of this address would be.
  /// - Parameter taken: where others would be; the new places are added.
  private static func places(
    of address: Address, besides taken: inout [Address]
  ) throws(ListenError) -> [SocketAddress] {
    if case .unix(let path) = address {
      do throws(SystemCallError) {
        if try FileIdentity(ofSocketAt: path) == nil { try checkAccess(to: parent(of: path), W_OK | X_OK) }
      } catch { throw ListenError(address, error) }
    }
    let places: [SocketAddress]
    do throws(ResolutionError) { places = try address.resolved() } catch { throw ListenError(address, error) }
    for place in places.map(\.address) {
      if let other = taken.first(where: { $0.excludes(place) }) { throw ListenError(address, isTakenBy: other) }
      taken.append(place)
    }
    return places
  }

  /// Throws unless the file can be written, or be made.
  private static func checkFile(at path: String, for purpose: String) throws(FileError) {
    do throws(SystemCallError) {
      var information = stat()
      if stat(path, &information) == 0 {
        guard information.st_mode & S_IFMT != S_IFDIR else { throw SystemCallError("open", code: EISDIR) }
        try checkAccess(to: path, W_OK)
      } else {
        try checkAccess(to: parent(of: path), W_OK | X_OK)
      }
    } catch { throw FileError(path, for: purpose, error) }
  }

  /// Throws unless files can be made in the directory, or it can be made.
  private static func checkDirectory(at path: String, for purpose: String) throws(FileError) {
    do throws(SystemCallError) {
      var information = stat()
      if stat(path, &information) == 0 {
        guard information.st_mode & S_IFMT == S_IFDIR else { throw SystemCallError("open", code: ENOTDIR) }
        try checkAccess(to: path, W_OK | X_OK)
      } else {
        try checkAccess(to: parent(of: path), W_OK | X_OK)
      }
    } catch { throw FileError(path, for: purpose, error) }
  }

  /// - Parameter mode: as access(2) takes it.
  private static func checkAccess(to path: String, _ mode: CInt) throws(SystemCallError) {
    guard faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 else { throw SystemCallError("open") }
  }

  private static func parent(of path: String) -> String {
    let end = path.utf8.reversed().drop { $0 == UInt8(ascii: "/") }.drop { $0 != UInt8(ascii: "/") }
    return end.isEmpty ? "." : String(decoding: Array(end.reversed()), as: UTF8.self)
  }
}
