import ChatWire

/// Somebody who may not be here: under a name, or from an address.
struct Ban: Equatable, Sendable {
  enum Target: Equatable, Sendable, CustomStringConvertible {
    case name(BannedName)
    case address(AddressRange)

    /// Reads `NAME`, `ADDRESS` or `NET/BITS`. No name has a `:` or a `/`, nor is one of digits and full stops.
    init(parsing text: String) throws(AddressRangeError) {
      let isNumeric = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
      if text.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") })
        || isNumeric && text.utf8.contains(UInt8(ascii: "."))
      {
        self = .address(try AddressRange(parsing: text))
      } else {
        self = .name(BannedName(text))
      }
    }

    /// The same for all ways to write the target: what it is kept under where several servers share a room. It can be parsed.
    var key: String {
      switch self {
      case .name(let name): NameKey(name.text).folding
      case .address(let range): "\(range)"
      }
    }

    var description: String {
      switch self {
      case .name(let name): name.text
      case .address(let range): "\(range)"
      }
    }
  }

  let target: Target
  /// When it ends; nil for never.
  let until: WallTime?
  /// The name of who decided it, and when.
  let by: String
  let at: WallTime
  /// Safe text; empty if no reason was given.
  let why: String

  init(_ target: Target, until: WallTime?, by: String, at: WallTime, why: String = "") {
    self.target = target
    self.until = until
    self.by = Self.word(by)
    self.at = at
    self.why = Self.safe(why)
  }

  /// Whether it hits somebody of that name, from that numeric address; nil for a Unix socket.
  func applies(to name: MemberName, host: String?) -> Bool {
    switch target {
    case .name(let banned): banned.matches(NameKey(name.description))
    case .address(let range): host.map { range.contains(host: $0) } ?? false
    }
  }

  func isOver(at now: WallTime) -> Bool { until.map { $0 <= now } ?? false }

  fileprivate static func safe(_ text: String) -> String {
    String(decoding: SafeText.made(from: Array(text.utf8)), as: UTF8.self)
  }

  /// `text` as one word of a line. Names are words already.
  ///
  /// Works on bytes: as a Character, a space and a combining mark after it would compare as one.
  fileprivate static func word(_ text: String) -> String {
    let word = safe(text).utf8.map { $0 == UInt8(ascii: " ") ? UInt8(ascii: "_") : $0 }
    return word.isEmpty ? "_" : String(decoding: word, as: UTF8.self)
  }
}

/// A name that nobody may have, nor one that is the same or looks the same.
struct BannedName: Equatable, Sendable {
  let text: String
  private let key: NameKey

  init(_ text: String) {
    self.text = Ban.word(text)
    key = NameKey(self.text)
  }

  func matches(_ other: NameKey) -> Bool { key.folding == other.folding || key.look == other.look }
  func matches(_ other: BannedName) -> Bool { matches(other.key) }
}

/// A ban as a line of a file:
///
///     address 10.0.0.0/8 until 2026-12-01T00:00:00Z by carol at 2026-11-24T21:03:05Z: spam
///     name mallory for ever by carol at 2026-11-24T21:03:05Z
extension Ban {
  /// The line, without a newline. `init(line:)` makes the same ban of it.
  var line: String {
    let kind =
      switch target {
      case .name: "name"
      case .address: "address"
      }
    return "\(kind) \(target) \(until.map { "until \($0)" } ?? "for ever") by \(by) at \(at)"
      + (why.isEmpty ? "" : ": \(why)")
  }

  /// Nil if `line` is not in the form. What a hand has written into it is made safe.
  init?(line: some Collection<UInt8>) {
    let words = SafeText.made(from: Array(line)).split(
      separator: UInt8(ascii: " "), maxSplits: 7, omittingEmptySubsequences: false)
    guard words.count == 8, !words[1].isEmpty, !words[5].isEmpty else { return nil }
    let text = words.map { String(decoding: $0, as: UTF8.self) }
    guard text[4] == "by", text[6] == "at" else { return nil }
    switch text[0] {
    case "name": target = .name(BannedName(text[1]))
    case "address":
      guard let range = try? AddressRange(parsing: text[1]) else { return nil }
      target = .address(range)
    default: return nil
    }
    switch (text[2], text[3]) {
    case ("for", "ever"): until = nil
    case ("until", _):
      guard let time = WallTime(parsing: words[3]) else { return nil }
      until = time
    default: return nil
    }
    by = text[5]
    let reason = words[7].dropFirst(WallTime.textBytes)
    guard let at = WallTime(parsing: words[7].prefix(WallTime.textBytes)),
      reason.isEmpty || reason.starts(with: ": ".utf8) && reason.count > 2
    else { return nil }
    self.at = at
    why = String(decoding: reason.dropFirst(2), as: UTF8.self)
  }
}

extension Ban: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    guard let ban = Ban(line: try reader.read([UInt8].self)) else { throw .impossible("a ban cannot be understood") }
    self = ban
  }

  func write(to writer: inout StateWriter) { writer.write(Array(line.utf8)) }
}
