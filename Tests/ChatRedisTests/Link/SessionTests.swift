import ChatRedis
import ChatWire
import Testing

/// What a session does in each of its stages, whatever happens there. No socket, no clock.
@Suite struct SessionTests {
  private static let mended = "report: The link to Redis at redis:6379 is there again."

  // MARK: How it begins

  @Test func `It asks who Redis is and whether the room still is as it was, in one order, before it reads`() {
    var link = PlayedSession {
      $0.user = "chat"
      $0.password = "secret"
      $0.database = 3
    }
    link.start()
    #expect(link.takeWanted() == ["resolve"])
    link.resolve()
    #expect(link.takeWanted() == ["connect append 0"])
    link.connect(.append)
    var asked: [String] = []
    for reply in [
      PlayedSession.ok, PlayedSession.ok, PlayedSession.information, .array([.text("appendfsync"), .text("everysec")]),
      PlayedSession.sha,
    ] {
      asked += link.takeWanted()
      link.answer(.append, reply)
    }
    #expect(
      asked == [
        "append: AUTH chat secret", "append: SELECT 3", "append: INFO", "append: CONFIG GET appendfsync",
        "append: SCRIPT LOAD",
      ])
    let enter = link.takeWanted()
    #expect(enter.count == 1 && enter[0].hasPrefix("append: enter ME ") && enter[0].hasSuffix(" 0-1"))
    link.answer(.append, link.entered(head: "20-2", source: "\(link.epoch):0000beef:4"))
    #expect(link.takeEvents() == [.entered(Snapshot(people: [:], bans: [], slowSeconds: 0))])
    #expect(link.takeWanted() == ["connect read 0"])
    link.connect(.read)
    #expect(link.takeWanted() == ["read: AUTH chat secret"])
    link.answer(.read, PlayedSession.ok)
    #expect(link.takeWanted() == ["read: SELECT 3"])
    link.answer(.read, PlayedSession.ok)
    // Until it is known that reading works, nobody is told that it does.
    let streams = "STREAMS {mychat:lab}:log {mychat:lab}:box:\(link.id) 20-2 0-0"
    #expect(link.takeWanted() == ["read: XREAD COUNT 64 BLOCK 1 \(streams)"])
    link.answer(.read, .null)
    link.wait(.milliseconds(1))
    #expect(
      link.takeWanted() == [
        "report: Sharing the room 'lab' through redis:6379; appendfsync is everysec.",
        "read: XREAD COUNT 64 BLOCK 2000 \(streams)",
      ])
    #expect(link.takeEvents() == [])
  }

  @Test func `Each of a host's addresses is tried, then the host is looked up anew`() {
    var link = PlayedSession()
    link.start()
    link.resolve(addresses: 2)
    link.lose(.append, "Connection refused")
    #expect(link.takeWanted() == ["resolve", "connect append 0", "disconnect", "connect append 1"])
    link.wait(.milliseconds(2060))
    let wanted = link.takeWanted()
    #expect(wanted.count == 3)
    #expect(wanted[0].hasPrefix("complain: Cannot reach Redis at redis:6379: it does not answer."))
    #expect(wanted[1...] == ["disconnect", "resolve"])
    link.resolve(addresses: 1)
    link.connect(.append)
    #expect(link.takeWanted() == ["connect append 0", "append: INFO"])
  }

  @Test func `Waits grow from 50 ms to 2 s, and begin anew once the link has worked`() {
    var link = PlayedSession()
    link.start()
    _ = link.takeWanted()
    var waits: [Duration] = []
    for _ in 0..<8 {
      let before = link.now
      link.act { $0.connectingFailed(because: "Connection refused", at: $1) }
      while !link.takeWanted().contains("resolve") { link.wait(.milliseconds(1)) }
      waits.append(before.distance(to: link.now))
    }
    for (wait, wanted) in zip(waits, [50, 100, 200, 400, 800, 1600, 2000, 2000]) {
      #expect(wait >= .milliseconds(wanted * 3 / 4) && wait <= .milliseconds(wanted + 1), "\(waits)")
    }
    link.resolve()
    link.connect(.append)
    for reply in [PlayedSession.information, .null, PlayedSession.sha, link.entered()] { link.answer(.append, reply) }
    link.connect(.read)
    link.answer(.read, .null)
    link.lose(.read)
    link.wait(.milliseconds(51))
    #expect(link.takeWanted().last == "resolve")
  }

  @Test(arguments: [
    ("redis_version:6.2.7\r\nrole:master\r\n", "runs Redis '6.2.7', and 7.0 or newer is needed"),
    ("role:master\r\n", "7.0 or newer is needed"),
    ("redis_version:6.\u{1B}[2J\r\n", "7.0 or newer is needed"),
    ("redis_version:7.0.15\r\nredis_mode:sentinel\r\n", "it is a Sentinel"),
    (
      "redis_version:7.2.4\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6380\r\n",
      "Give the address of 10.0.0.1:6380."
    ),
  ])
  func `A Redis that will not do is told once with what to do, and is asked again`(information: String, says: String) {
    var link = PlayedSession()
    link.reachGreeting()
    link.answer(.append, .text(information))
    #expect(link.takeEvents() == [.down])
    let wanted = link.takeWanted()
    #expect(wanted.contains { $0.hasPrefix("complain: ") && $0.contains(says) }, "\(wanted)")
    #expect(!wanted.contains { $0.contains("\u{1B}") })
    link.wait(.seconds(2))
    link.resolve()
    link.connect(.append)
    link.answer(.append, .text(information))
    #expect(!link.takeWanted().contains { $0.hasPrefix("complain: ") })
    link.wait(.seconds(2))
    link.resolve()
    link.connect(.append)
    link.answer(.append, PlayedSession.information)
    #expect(link.takeWanted().last == "append: CONFIG GET appendfsync")
  }

  @Test(arguments: [
    ("noeviction", "1", "appendfsync is always", nil),
    ("allkeys-lru", "1", "appendfsync is always", "maxmemory-policy is allkeys-lru"),
    ("noeviction", "0", "appendonly is off, so a crash of Redis loses the room's history", nil),
  ])
  func `What Redis keeps is told when the room is shared, and what it may throw away is warned of`(
    policy: String, aof: String, kept: String, warned: String?
  ) {
    var link = PlayedSession()
    link.reachGreeting()
    link.answer(
      .append, .text("redis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:\(policy)\r\naof_enabled:\(aof)"))
    link.answer(.append, .array([.text("appendfsync"), .text("always")]))
    link.answer(.append, PlayedSession.sha)
    link.answer(.append, link.entered())
    link.beginWork()
    let reports = link.takeWanted().filter { $0.hasPrefix("report: ") }
    #expect(reports.first == "report: Sharing the room 'lab' through redis:6379; \(kept).")
    #expect(reports.count == (warned == nil ? 1 : 2))
    if let warned { #expect(reports.last?.contains(warned) == true) }
  }

  @Test func `Who may not ask for appendfsync is served all the same`() {
    var link = PlayedSession()
    link.reachGreeting()
    link.answer(.append, PlayedSession.information)
    link.answer(.append, .error("NOPERM this user has no permissions to run the 'config|get' command"))
    #expect(link.takeWanted().last == "append: SCRIPT LOAD")
  }

  @Test(arguments: [
    ("WRONGPASS invalid username-password pair or user is disabled.", "refuses the user or the password"),
    ("NOAUTH Authentication required.", "asks for a password"),
    ("ERR DB index is out of range", "has no database 7"),
    ("LOADING Redis is loading the dataset in memory", "is still loading"),
    ("READONLY You can't write against a read only replica.", "is a replica"),
    ("OOM command not allowed when used memory > 'maxmemory'.", "has no memory left"),
    ("MISCONF Redis is configured to save RDB snapshots", "cannot save to its disk"),
    ("NOPERM User chat has no permissions to run the 'evalsha' command", "permissions"),
    ("ERR The user executing the script can't run this command or subcommand script: 2a71", "permissions"),
    ("MOVED 3999 127.0.0.1:6381", "another node"),
    ("DENIED Redis is running in protected mode because", "is in protected mode"),
    ("ERR max number of clients reached", "raise its maxclients"),
    ("ERR AUTH <password> called without any password configured for the default user.", "has no password"),
    ("ERR unknown command 'AUTH', with args beginning with: 'secret' ", "It says: ERR unknown command 'AUTH'"),
    ("ERR what is 'secret'?", "It says: ERR"),
    ("ERR \u{1B}[2Jbad", "ERR"),
  ])
  func `What Redis refuses is told with what to do, without the password`(error: String, says: String) {
    var link = PlayedSession {
      $0.password = "secret"
      $0.database = 7
    }
    link.reachGreeting()
    link.answer(.append, .error(error))
    let complaint = link.takeWanted().first { $0.hasPrefix("complain: ") } ?? ""
    #expect(complaint.contains(says), "\(complaint)")
    #expect(!complaint.contains("secret") && !complaint.contains("\u{1B}"))
  }

  @Test(arguments: [
    ("script", "ERR The user executing the script can't run this command", "permissions that"),
    ("password", "WRONGPASS invalid username-password pair or user is disabled.", "refuses the user or the password"),
    ("NOPERM", "NOPERM this user has no permissions to run the 'info' command", "permissions that"),
  ])
  func `A password that Redis's own words contain changes no advice, and is not to be guessed from what is shown`(
    password: String, error: String, says: String
  ) {
    var link = PlayedSession { $0.password = password }
    link.reachGreeting()
    link.answer(.append, .error(error))
    let complaint = link.takeWanted().first { $0.hasPrefix("complain: ") } ?? ""
    let parts = complaint.split(separator: " It says: ", maxSplits: 1)
    #expect(parts.first?.contains(says) == true, "\(complaint)")
    #expect(parts.count < 2 || !parts[1].contains(password) && !parts[1].contains("*"), "\(complaint)")
  }

  @Test func `A long error is shown as far as it is worth, and it shows that it goes on`() {
    var link = PlayedSession()
    link.reachGreeting()
    link.answer(.append, .error("DENIED " + String(repeating: "x", count: 300)))
    #expect(link.takeWanted().contains { $0.hasPrefix("complain: ") && $0.hasSuffix("xxx ...") })
  }

  // MARK: Whatever fails in whichever stage

  private static let stages: [(String, Line, @Sendable (inout PlayedSession) -> Void)] = [
    ("greeting", .append, { $0.reachGreeting() }),
    ("script", .append, { $0.reachScript() }),
    ("connecting the reader", .append, { $0.reachReader() }),
    (
      "greeting of the reader", .read,
      { link in
        link = PlayedSession { $0.password = "secret" }
        link.reachGreeting()
        link.answer(.append, PlayedSession.ok)
        for reply in [PlayedSession.information, .null, PlayedSession.sha, link.entered()] {
          link.answer(.append, reply)
        }
        link.connect(.read)
      }
    ),
    ("work, reading", .read, { $0.reachWork() }),
    (
      "work, appending", .append,
      { link in
        link.reachWork()
        link.say("hello")
      }
    ),
  ]

  @Test(arguments: 0..<6)
  func `Whatever fails, both connections are closed, and made again`(index: Int) {
    let (name, line, reach) = Self.stages[index]
    let failures: [(String, (inout PlayedSession) -> Void)] = [
      ("append lost", { $0.lose(.append) }),
      ("read lost", { $0.lose(.read) }),
      ("error", { $0.answer(line, .error("ERR something")) }),
      ("answer of another shape", { $0.answer(line, .array([.integer(1)])) }),
      ("nothing at all", { link in link.wait(.milliseconds(4500)) }),
    ]
    for (failure, happen) in failures {
      var link = PlayedSession()
      reach(&link)
      _ = link.takeWanted()
      happen(&link)
      link.wait(.seconds(2))
      let wanted = link.takeWanted()
      // An answer to AUTH may have any shape.
      if failure == "answer of another shape", name.contains("greeting") { continue }
      #expect(wanted.contains("disconnect") && wanted.contains("resolve"), "\(name), \(failure): \(wanted)")
      link.resolve()
      #expect(link.takeWanted().last == "connect append 0", "\(name), \(failure)")
    }
  }

  @Test func `What comes when nothing is awaited from there changes nothing or begins anew`() {
    var link = PlayedSession()
    link.act { $0.received(.null, on: .read, at: $1) }
    link.act { $0.connected(.append, at: $1) }
    link.act { $0.lost(.append, because: "x", at: $1) }
    link.act { $0.resolved(addressCount: 1, at: $1) }
    #expect(link.takeWanted() == [])
    link.reachWork()
    _ = link.takeWanted()
    link.answer(.append, .integer(1))
    #expect(link.takeWanted().last == "disconnect")
  }

  // MARK: Being told

  @Test func `Who waits is told at once if there never was a link, and after 2 s without one if there was`() {
    var link = PlayedSession()
    link.start()
    link.act { $0.connectingFailed(because: "Connection refused", at: $1) }
    #expect(link.takeEvents() == [.down])
    link.wait(.seconds(1))
    link.resolve()
    link.connect(.append)
    for reply in [PlayedSession.information, .null, PlayedSession.sha, link.entered()] { link.answer(.append, reply) }
    #expect(link.takeEvents() == [.entered(Snapshot(people: [:], bans: [], slowSeconds: 0))])
    link.connect(.read)
    #expect(link.takeEvents() == [])
    link.answer(.read, .null)
    #expect(link.takeEvents() == [.up])
    link.lose(.read)
    link.wait(.milliseconds(1999))
    #expect(link.takeEvents() == [])
    link.wait(.milliseconds(2))
    #expect(link.takeEvents() == [.down])
    link.wait(.seconds(20))
    #expect(link.takeEvents() == [])
  }

  @Test func `A host that is looked up for long counts as away`() {
    var link = PlayedSession()
    link.start()
    link.wait(.milliseconds(2001))
    #expect(link.takeEvents() == [.down])
    link.wait(.seconds(60))
    #expect(link.takeWanted() == ["resolve"])
    link.resolve()
    #expect(link.takeWanted() == ["connect append 0"])
  }

  @Test func `A Redis that stops to answer is away since it was asked`() {
    var link = PlayedSession()
    link.reachWork()
    _ = link.takeEvents()
    link.wait(.seconds(1))
    link.say("hello")
    link.wait(.milliseconds(1999))
    #expect(link.takeEvents() == [])
    link.wait(.milliseconds(2))
    #expect(link.takeEvents() == [.down])
  }

  @Test
  func `A link that is mended within 2 s is not spoken of to members, and a trouble is told once until it changes`() {
    var link = PlayedSession()
    link.reachWork()
    link.answer(.read, .null)
    _ = (link.takeEvents(), link.takeWanted())
    for round in 0..<3 {
      link.lose(.append)
      link.wait(.milliseconds(60))
      link.resolve()
      link.act { $0.connectingFailed(because: "Connection refused", at: $1) }
      link.wait(.milliseconds(120))
      link.resolve()
      link.act { $0.connectingFailed(because: "Connection refused", at: $1) }
      link.wait(.milliseconds(220))
      link.resolve()
      link.connect(.append)
      for reply in [PlayedSession.information, .null, PlayedSession.sha] { link.answer(.append, reply) }
      link.answer(.append, link.welcomed(sequence: 0, head: "0-0"))
      link.connect(.read)
      link.answer(.read, .null)
      #expect(link.takeEvents() == [], "round \(round)")
      let told = link.takeWanted().filter { $0.hasPrefix("complain") || $0.hasPrefix("report") }
      #expect(told.count == 3 && told.last == Self.mended, "\(told)")
    }
  }

  @Test(arguments: [Line.append, .read])
  func `A link that always breaks at the same thing counts as away, is told of once, and is tried less and less`(
    line: Line
  ) {
    var link = PlayedSession()
    link.reachWork()
    link.say("hello", by: 7)
    _ = (link.takeWanted(), link.takeEvents())
    var told: [String] = []
    for _ in 0..<20 {
      if line == .append { link.answer(.read, .null) }
      link.answer(line, .error("NOPERM this user has no permissions"))
      while !link.wanted.contains("resolve") { link.wait(.milliseconds(10)) }
      link.reachScriptAgain()
      link.answer(.append, link.welcomed(sequence: 0, head: "0-0"))
      link.connect(.read)
      told += link.takeWanted().filter { $0.hasPrefix("complain") || $0.hasPrefix("report") }
    }
    #expect(told.count == 1, "\(told)")
    #expect(link.takeEvents() == [.down])
    #expect(link.session.uncommittedLines(of: 7) == 1)
    link.answer(.read, .null)
    #expect(link.takeEvents() == [])
    link.answer(.append, link.accepted("6-1"))
    #expect(link.takeEvents() == [.up])
    #expect(link.takeWanted().contains(Self.mended))
  }

  @Test func `It leaves with a goodbye if it is in the room, and does nothing more`() {
    var link = PlayedSession()
    link.reachWork()
    let words = link.session.leave()?.words(keys: link.session.keys, server: link.session.server)
    #expect(words?.contains(Array("bye".utf8)) == true)
    #expect(link.session.wakesAt == .never || link.session.wakesAt > link.now)
    link.answer(.read, .null)
    #expect(link.session.leave() == nil)
    var early = PlayedSession()
    early.reachGreeting()
    #expect(early.session.leave() == nil)
  }
}
