import ChatRedis
import ChatServer
import ChatWire
import Foundation
import TestSupport
import Testing

/// The link to a real Redis, while that and the connections to it fail in every way.
@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10)))
struct LinkTests {
  private static let isDown = "* The link to the other servers is down; what you send waits."
  private static let isLost = "* The room's history was lost; it begins anew here."

  private static func wait(for text: String, of server: RunningServer) throws {
    try eventually("\(text) in the log; it is \(server.logged)") { server.logged.contains { $0.contains(text) } }
  }

  /// Two servers of one room, one on each event layer, with a member each that talks and one that listens.
  private final class Scene {
    let redis: RedisServer
    /// Between the servers and a Redis on TCP.
    let proxy: Proxy
    let servers: [RunningServer]
    let talkers: [Dialogue]
    let listeners: [Dialogue]
    private var said = [0, 0]

    init(_ persistence: RedisServer.Persistence = .none) throws {
      redis = try RedisServer(persistence)
      let proxy = try Proxy(to: redis.address)
      self.proxy = proxy
      servers = try (0..<2).map { _ in
        try RunningServer(.shared) { $0.redis = RedisAddress(address: proxy.address) }
      }
      talkers = try servers.map { try $0.peer() }
      listeners = try servers.map { try $0.peer() }
      for server in servers { try server.settle() }
      for server in servers { try LinkTests.wait(for: "Sharing the room 'main' through \(proxy.address)", of: server) }
    }

    func talk() throws {
      for (index, talker) in talkers.enumerated() {
        try talker.send("\(index) \(said[index])\n")
        said[index] += 1
      }
    }

    /// Talks for a while.
    func talk(for duration: Duration) throws {
      let end = Moment.now + duration
      while !end.hasPassed {
        try talk()
        usleep(2000)
      }
    }

    /// Lets all be heard, and checks that each line was heard once, in one order, and by nobody who said it.
    func checkAll() throws {
      let total = said.reduce(0, +)
      var heard: [[Substring]] = [[], []]
      var notices: Set<String> = []
      for (index, listener) in listeners.enumerated() {
        while heard[index].count < total {
          let line = try listener.expectLine()
          if line.hasPrefix("* ") {
            notices.insert(line)
          } else {
            heard[index].append(line.drop { $0 != " " }.dropFirst())
          }
        }
      }
      #expect(heard[0] == heard[1])
      for index in 0..<2 {
        #expect(
          heard[0].filter { $0.hasPrefix("\(index) ") }.map(String.init) == (0..<said[index]).map { "\(index) \($0)" })
      }
      for (index, talker) in talkers.enumerated() {
        for _ in 0..<said[1 - index] {
          var line = try talker.expectLine()
          while line.hasPrefix("* ") { line = try talker.expectLine() }
          #expect(line.contains(": \(1 - index) "))
        }
      }
      #expect(!notices.contains(LinkTests.isLost), "\(notices)")
    }

    /// Waits until each listener has got all that was said. What it got stays to be read.
    func awaitAllHeard() throws {
      for listener in listeners {
        try eventually("the last line of each talker") {
          let heard = String(decoding: try listener.peek(), as: UTF8.self)
          return said.indices.allSatisfy { heard.contains(": \($0) \(said[$0] - 1)\n") }
        }
      }
    }

    /// Waits until each listener was told `line`; what else comes meanwhile is passed over.
    func expectAllTold(_ line: String) throws {
      for listener in listeners { while try listener.expectLine() != line {} }
    }
  }

  @Test func `Connections that break after any number of bytes cost nobody a line`() throws {
    let scene = try Scene()
    try scene.talk(for: .milliseconds(300))
    scene.proxy.break { (Int.random(in: 1...40_000), Proxy.Break.allCases.randomElement() ?? .reset) }
    scene.proxy.reset()
    try scene.talk(for: .seconds(4))
    scene.proxy.break(nil)
    try scene.talk()
    try scene.checkAll()
    #expect(scene.proxy.brokenCount > 10)
  }

  @Test(arguments: [Proxy.Passage.nothing, .requestsOnly, .repliesOnly])
  func `What is lost or late on the way is said once`(passage: Proxy.Passage) throws {
    let scene = try Scene()
    try scene.talk(for: .milliseconds(200))
    scene.proxy.pass(passage)
    try scene.talk(for: .milliseconds(2600))
    scene.proxy.pass(.everything)
    try scene.talk(for: .milliseconds(500))
    try scene.checkAll()
  }

  @Test func `A Redis that is killed and started again with its file loses nothing`() throws {
    let scene = try Scene(.always)
    for _ in 0..<4 {
      try scene.talk(for: .milliseconds(Int.random(in: 50...400)))
      try scene.redis.kill()
      try scene.talk(for: .milliseconds(Int.random(in: 0...300)))
      try scene.redis.start()
    }
    try scene.talk(for: .milliseconds(200))
    try scene.checkAll()
  }

  @Test func `A Redis that stands still and goes on loses nothing`() throws {
    let scene = try Scene()
    for milliseconds in [500, 3000] {
      try scene.talk(for: .milliseconds(200))
      scene.redis.pause()
      try scene.talk(for: .milliseconds(milliseconds))
      scene.redis.resume()
    }
    try scene.talk(for: .milliseconds(200))
    try scene.checkAll()
  }

  // MARK: A history that is lost

  private static let losses: [(String, @Sendable (RedisServer) throws -> Void)] = [
    ("everything is deleted", { try $0.command("FLUSHALL") }),
    ("the hash is evicted", { try $0.command("DEL", "{mychat:main}:meta") }),
    ("the log is deleted", { try $0.command("DEL", "{mychat:main}:log") }),
    ("somebody adds an entry", { try $0.command("XADD", "{mychat:main}:log", "*", "a", "b") }),
    (
      "somebody adds a small entry",
      { redis in
        let id = try #require(redis.command("XINFO", "STREAM", "{mychat:main}:log").elements?[7].text)
        let bytes = try #require(Position(parsing: id)).bytes
        try redis.command("XADD", "{mychat:main}:log", "\(bytes + 1)-999", "s", "x", "b", "y")
      }
    ),
    ("another epoch is set", { try $0.command("HSET", "{mychat:main}:meta", "epoch", "0badcafe") }),
    ("the totals are set back", { try $0.command("HSET", "{mychat:main}:meta", "b", "1", "l", "1") }),
    (
      "it starts without its file",
      { redis in
        try redis.kill()
        try redis.start()
      }
    ),
  ]

  /// How soon it is told is measured by a row of `mychatcluster`.
  @Test(arguments: 0..<8) func `A history that is lost is told to everybody, and the chat goes on`(index: Int) throws {
    let scene = try Scene()
    try scene.talk(for: .milliseconds(100))
    // A turn that is still on its way would be taken after some of these losses, and nothing would be missing.
    try scene.awaitAllHeard()
    try Self.losses[index].1(scene.redis)
    try scene.expectAllTold(Self.isLost)
    try scene.talkers[0].send("onwards\n")
    for listener in scene.listeners {
      while try !listener.expectLine().hasSuffix(": onwards") {}
    }
  }

  @Test func `A file of yesterday is noticed, and so is another history of the same length`() throws {
    let scene = try Scene(.always)
    try scene.talk(for: .milliseconds(100))
    let file = scene.redis.directory.file("appendonlydir")
    let kept = scene.redis.directory.file("kept")
    usleep(200_000)
    try FileManager.default.copyItem(atPath: file, toPath: kept)
    try scene.talk(for: .milliseconds(100))
    usleep(200_000)
    try scene.redis.kill()
    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.copyItem(atPath: kept, toPath: file)
    try scene.redis.start()
    try scene.expectAllTold(Self.isLost)
    try scene.talkers[1].send("onwards\n")
    for listener in scene.listeners { while try !listener.expectLine().hasSuffix(": onwards") {} }
  }

  @Test func `Who falls behind what is kept is told exactly how many lines are missing`() throws {
    let redis = try RedisServer()
    let proxy = try Proxy(to: redis.address)
    let near = try RunningServer(.shared) { $0.redis = RedisAddress(address: redis.address) }
    let far = try RunningServer(.shared) { $0.redis = RedisAddress(address: proxy.address) }
    let (talker, heard) = (try near.peer(), try near.peer())
    let listener = try far.peer()
    for server in [near, far] { try server.settle() }
    try talker.send("first\n")
    for peer in [heard, listener] { while try !peer.expectLine().hasSuffix(": first") {} }
    proxy.pass(.nothing)
    for number in 1...500 {
      try talker.send("\(number)\n")
      while try !heard.expectLine().hasSuffix(": \(number)") {}
    }
    try redis.command("XTRIM", "{mychat:main}:log", "MAXLEN", "20")
    proxy.pass(.everything)
    var (skipped, got) = (0, 0)
    while skipped + got < 500 {
      let line = try listener.expectLine()
      if line.hasPrefix("* ") {
        let words = line.split(separator: " ")
        if line.hasSuffix(" lines skipped"), let count = Int(words[1]) { skipped += count }
      } else {
        got += 1
        #expect(line.hasSuffix(": \(skipped + got)"))
      }
    }
    #expect(skipped > 0 && got > 0 && skipped + got == 500)
  }

  // MARK: A Redis that will not

  private static let refusals:
    [(says: String, begin: @Sendable (RedisServer) throws -> Void, end: @Sendable (RedisServer) throws -> Void)] = [
      (
        "has no memory left", { try $0.command("CONFIG", "SET", "maxmemory", "1") },
        {
          try $0.command("CONFIG", "SET", "maxmemory", "0")
        }
      ),
      (
        "it is a replica",
        { redis in
          try redis.command("REPLICAOF", "127.0.0.1", "1")
          try redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        }, { try $0.command("REPLICAOF", "NO", "ONE") }
      ),
      (
        "asks for a password",
        { redis in
          try redis.command("CONFIG", "SET", "requirepass", "other")
          let client = try RedisClient(redis)
          try client.call("AUTH", "other")
          try client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        },
        { redis in
          let client = try RedisClient(redis)
          try client.call("AUTH", "other")
          try client.call("CONFIG", "SET", "requirepass", "")
        }
      ),
      (
        "permissions", { try $0.command("ACL", "SETUSER", "default", "-xread", "-xadd") },
        {
          try $0.command("ACL", "SETUSER", "default", "+@all")
        }
      ),
    ]

  @Test(arguments: 0..<4) func `While Redis refuses, what members send waits, and the console says once what to do`(
    index: Int
  ) throws {
    let refusal = Self.refusals[index]
    let scene = try Scene()
    try scene.talk(for: .milliseconds(100))
    try refusal.begin(scene.redis)
    try scene.talk(for: .milliseconds(2500))
    try refusal.end(scene.redis)
    try scene.talk(for: .milliseconds(100))
    try scene.checkAll()
    for server in scene.servers {
      let told = server.logged.filter { $0.hasPrefix("[REDIS] ") && $0.contains(refusal.says) }
      #expect(told.count == 1, "\(server.logged.filter { $0.hasPrefix("[REDIS] ") })")
    }
  }

  @Test func `A wrong password at the start is told, and the right one lets the server in without another start`()
    throws
  {
    let redis = try RedisServer(options: ["--requirepass", "wrong one"])
    let server = try RunningServer(.shared) {
      $0.redis = RedisAddress(address: redis.address)
      $0.redis?.password = "s3cret"
    }
    try Self.wait(for: "refuses the user or the password", of: server)
    let (a, b) = (try server.peer(), try server.peer())
    for peer in [a, b] { try peer.expect(Self.isDown) }
    let client = try RedisClient(redis)
    try client.call("AUTH", "wrong one")
    try client.call("CONFIG", "SET", "requirepass", "s3cret")
    for peer in [a, b] { try peer.expect("* The link to the other servers is back.") }
    try a.send("hello\n")
    while try !b.expectLine().hasSuffix(": hello") {}
    #expect(!server.logged.contains { $0.contains("s3cret") })
  }
}
