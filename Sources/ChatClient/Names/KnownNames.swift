/// The names of those who are here, as far as a client knows.
struct KnownNames {
  /// Names that are kept, more than a server has members; beyond these, half of them are forgotten, those that have not been
  /// heard of for longest.
  static let capacity = 20_000
  /// Bytes of a name at most: nobody completes a longer one, and a peer may send any.
  static let maximumNameBytes = 64

  /// For each name, the number of the line it was last heard of in.
  private var lastHeard: [[UInt8]: Int] = [:]
  /// Lines that told of a name so far.
  private var lines = 0

  var all: some Collection<[UInt8]> { lastHeard.keys }

  mutating func add(_ name: [UInt8]) {
    guard name.count <= Self.maximumNameBytes else { return }
    lines += 1
    lastHeard[name] = lines
    guard lastHeard.count > Self.capacity else { return }
    let median = lastHeard.values.sorted()[lastHeard.count / 2]
    lastHeard = lastHeard.filter { $0.value >= median }
  }

  mutating func remove(_ name: [UInt8]) { lastHeard[name] = nil }
}
