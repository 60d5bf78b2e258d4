/// What Redis tells of itself (INFO).
struct RedisInformation: Sendable {
  private let fields: [Substring: Substring]

  /// The first version in which a script may read the clock before it writes.
  static let oldestVersion = "7.0"

  init(parsing text: String) {
    var fields: [Substring: Substring] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { fields[parts[0]] = parts[1] }
    }
    self.fields = fields
  }

  var version: String { String(fields["redis_version"] ?? "") }
  private var major: Int { Int(version.prefix { $0 != "." }) ?? 0 }

  /// Why no room can be shared through it, and what to do; nil if one can.
  var obstacle: String? {
    if major < 7 {
      return
        "it runs Redis '\(version)', and \(Self.oldestVersion) or newer is needed. Install that, or give another address."
    }
    if fields["redis_mode"] == "sentinel" {
      return "it is a Sentinel, which keeps no data. Give the address of the master that it watches."
    }
    if fields["role"] != "master" {
      let master = fields["master_host"].map { "\($0):\(fields["master_port"] ?? "")" } ?? "its master"
      return "it is a replica and takes no lines. Give the address of \(master)."
    }
    return nil
  }

  /// What an administrator should change although it works; nil for nothing.
  var warning: String? {
    guard let policy = fields["maxmemory_policy"], policy != "noeviction" else { return nil }
    return "its maxmemory-policy is \(policy), so it may throw away a room's keys when its memory is short. "
      + "Set it to noeviction."
  }

  /// - Parameter policy: `appendfsync` as it is in force; nil if it may not be known.
  func persistence(fsync policy: String?) -> String {
    if fields["aof_enabled"] != "1" { return "appendonly is off, so a crash of Redis loses the room's history" }
    return policy.map { "appendfsync is \($0)" } ?? "appendonly is on"
  }
}
