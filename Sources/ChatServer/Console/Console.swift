import ChatWire

/// The lines of the server's log, which tell what happens: worded as in SEED.md, or in JSON.
///
/// A turn of the server gathers its lines in a page and flushes that to the writer, which has a queue of its own: a stalled
/// terminal or pipe never holds up the room.
///
/// Confined to the server's queue.
final class Console {
  /// A peer as console lines show it. A constant of its connection, so that a line costs no count of references.
  struct PeerLabel {
    /// As in `[('127.0.0.1', 54321)] Relaying message: `.
    let messagePrefix: [UInt8]
    private static let messageWords = "] Relaying message: "

    /// - Parameter text: as in `('127.0.0.1', 54321)`.
    init(_ text: String) { messagePrefix = Array("[\(text)\(Self.messageWords)".utf8) }

    /// The peer's host and port; on a Unix socket the server's address, and what tells the peer from others.
    private var parts: (host: ArraySlice<UInt8>, port: ArraySlice<UInt8>) {
      // On bytes, because a list of all who are here takes this of each.
      let inside = text.dropFirst(2).dropLast()
      guard let quote = inside.lastIndex(of: UInt8(ascii: "'")) else { return ([], []) }
      return (inside[..<quote], inside[quote...].dropFirst(3))
    }

    private static func isUnix(_ host: ArraySlice<UInt8>) -> Bool { host.starts(with: "unix:".utf8) }

    /// The peer's address; nil on a Unix socket.
    var address: SocketAddress? {
      let (host, port) = parts
      guard !Self.isUnix(host), let port = UInt16(String(decoding: port, as: UTF8.self)) else { return nil }
      return SocketAddress(numericHost: String(decoding: host, as: UTF8.self), port: port)
    }

    /// As in `127.0.0.1:54321`.
    var place: String {
      let (host, port) = parts
      if Self.isUnix(host) { return String(decoding: host, as: UTF8.self) }
      let isIPv6 = host.contains(UInt8(ascii: ":"))
      return String(
        decoding: isIPv6 ? "[".utf8 + host + "]:".utf8 + port : host + ":".utf8 + port, as: UTF8.self)
    }

    /// The place and, on a Unix socket, what the connection is told from others by: `unix:/run/chat.sock#alice/2`.
    var identity: [UInt8] {
      let (host, name) = parts
      return Self.isUnix(host) ? host + [UInt8(ascii: "#")] + name : Array(place.utf8)
    }

    var text: ArraySlice<UInt8> { messagePrefix.dropFirst().dropLast(Self.messageWords.utf8.count) }
    /// As in `[('127.0.0.1', 54321)] Relaying message.`
    var messageWithoutText: [UInt8] { messagePrefix.dropLast(2) + Array(".".utf8) }
  }

  private let writer: LineWriter
  private let format: LogFormat
  /// Whether messages are logged as in SEED.md, which has to cost little.
  private let isPlain: Bool
  /// The lines of this turn.
  @exclusivity(unchecked) private var page: [UInt8] = []

  init(_ log: Log) {
    writer = log.writer
    format = log.format
    isPlain = format.style == .text && format.messages == .text && !format.hasTimes
  }

  func listening(on address: Address) {
    note(.listening, "[LISTENING] Server is listening on ", "\(address)")
  }
  func metrics(at address: Address) {
    let place =
      switch address {
      case .internet: "http://\(address)/metrics"
      case .unix: "\(address)"
      }
    note(.metrics, "[METRICS] Metrics are at ", place)
  }
  func connected(_ peer: PeerLabel, as name: MemberName) {
    note(.connected, of: peer, as: name, "[NEW CONNECTION] ", " connected.")
  }
  func leftByCommand(_ peer: PeerLabel, as name: @autoclosure () -> MemberName) {
    note(.exit, of: peer, as: name(), "[", "] Sent exit command.")
  }
  func lost(_ peer: PeerLabel, as name: @autoclosure () -> MemberName) {
    note(.lost, of: peer, as: name(), "[CONNECTION LOST] ", " disconnected unexpectedly.")
  }
  func dropped(_ peer: PeerLabel, lines: Int) {
    let text = "\(lines) lines were not sent."
    note(.dropped, of: peer, text: text, "[DROPPED] ", ": \(text)")
  }
  func perhapsDropped(_ peer: PeerLabel, lines: Int) {
    let text = "it is not known whether \(lines) lines were sent."
    note(.dropped, of: peer, text: text, "[DROPPED] ", ": \(text)")
  }
  /// - Parameter name: the former one.
  func renamed(_ peer: PeerLabel, from name: MemberName, to new: MemberName) {
    note(.renamed, of: peer, as: name, text: new.description, "[NAME] ", " is now \(new).")
  }
  func removed(_ peer: PeerLabel, as name: @autoclosure () -> MemberName) {
    note(.disconnected, of: peer, as: name(), "[DISCONNECTED] ", " has been removed.")
  }
  func awaitingProxies(at address: Address) { proxy("Connections of proxies are awaited at \(address)") }
  func proxy(_ text: String) { note(.proxy, "[PROXY] ", text) }
  /// - Parameter peer: the first that is turned away for this reason.
  func turnedAway(_ reason: TurnedAway, _ peer: String) {
    switch reason {
    case .byFault(let fault): proxy("Closed a connection at \(fault)")
    case .byNotice(let notice): note(.refused, of: PeerLabel(peer), text: notice, "[REFUSED] ", ": \(notice)")
    }
  }
  /// - Parameter count: of peers after the first.
  func turnedAway(_ reason: TurnedAway, more count: Int) {
    switch reason {
    case .byFault(let fault): proxy("Closed \(count) more at \(fault)")
    case .byNotice(let notice): note(.refused, "[REFUSED] ", "\(count) more: \(notice)")
    }
  }
  /// - Parameter reason: a sentence.
  func noMetrics(because reason: String) { note(.metrics, "[METRICS] ", reason) }
  /// Another program goes on in place of this one, or cannot.
  func takeOver(_ text: String) { note(.takeOver, "[TAKEOVER] ", text) }
  func moderated(_ text: String) { note(.moderated, "[OPERATOR] ", text) }
  func redis(_ text: String) { note(.redis, "[REDIS] ", text) }
  /// Says something of a file.
  /// - Parameter text: the whole line: what kind of file it is, as in `[TRANSCRIPT] `, and a sentence.
  func file(_ text: String) {
    let sentence = format.style == .text ? text : String(text.drop { $0 != " " }.dropFirst())
    note(.file, "", sentence)
  }

  /// Adds the line that was said last, which begins at `start`.
  @inline(__always)
  func relayed(from peer: PeerLabel, at start: LogOffset, in log: borrowing RoomLog) {
    guard isPlain else { return relayedOtherwise(from: peer, at: start, in: log) }
    peer.messagePrefix.withUnsafeBytes { page.append(contentsOf: $0) }
    log.forEachPiece(from: start, to: log.head) { page.append(contentsOf: $0) }
  }

  @inline(never)
  private func relayedOtherwise(from peer: PeerLabel, at start: LogOffset, in log: borrowing RoomLog) {
    switch (format.style, format.messages) {
    case (_, .nothing): break
    case (.text, .text):
      appendTime()
      page += peer.messagePrefix
      log.forEachPiece(from: start, to: log.head) { page.append(contentsOf: $0) }
    case (.text, .mention):
      appendTime()
      page += peer.messageWithoutText
      append("\n")
    case (.json, _):
      var bytes: [UInt8] = []
      log.forEachPiece(from: start, to: log.head) { bytes.append(contentsOf: $0) }
      let line = ServerLine(bytes.dropLast())
      JSONLogLine(
        line.kind == .action ? .action : .message, of: peer.identity, as: line.name,
        text: format.messages == .text ? line.text : nil
      ).append(to: &page)
    }
  }

  /// Hands the lines of this turn to the writer.
  @inline(__always)
  func flushPage() {
    if !page.isEmpty { writer.take(&page) }
  }

  /// Adds a line that is about no peer. In text, `tag` stands before it.
  private func note(_ event: LogEvent, _ tag: StaticString, _ text: String) {
    switch format.style {
    case .text:
      appendTime()
      append(tag)
      page.append(contentsOf: text.utf8)
      append("\n")
    case .json: JSONLogLine(event, text: Array(text.utf8)[...]).append(to: &page)
    }
  }

  /// Adds a line about a peer, which in text stands between `before` and `after`.
  private func note(
    _ event: LogEvent, of peer: PeerLabel, as name: @autoclosure () -> MemberName? = nil, text: String? = nil,
    _ before: StaticString,
    _ after: String
  ) {
    switch format.style {
    case .text:
      appendTime()
      append(before)
      page.append(contentsOf: peer.text)
      page.append(contentsOf: after.utf8)
      append("\n")
    case .json:
      JSONLogLine(event, of: peer.identity, as: name()?.bytes[...], text: text.map { Array($0.utf8)[...] })
        .append(to: &page)
    }
  }

  private func appendTime() {
    guard format.hasTimes else { return }
    page += WallTime.now.bytes
    append(" ")
  }

  @inline(__always)
  private func append(_ text: StaticString) {
    page.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

extension Console.PeerLabel: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    messagePrefix = try reader.read()
    guard messagePrefix.first == UInt8(ascii: "["), messagePrefix.count > Self.messageWords.utf8.count else {
      throw .impossible("a peer is shown as nothing")
    }
  }

  func write(to writer: inout StateWriter) { writer.write(messagePrefix) }
}
