import ChatRedis
import ChatServer
import ChatWire
import Glibc
import TestSupport

/// Several servers in this process that share one room, and people at them.
final class SharedRoom {
  let redis: RedisServer
  private(set) var servers: [RunningServer] = []
  /// Between each server and Redis.
  private(set) var proxies: [Proxy] = []
  private(set) var people: [SharedPerson] = []

  /// - Parameter configure: is told which of the servers it is for.
  init(servers count: Int = 2, _ configure: (Int, inout Configuration) -> Void = { _, _ in }) throws {
    redis = try RedisServer(onUnixSocket: true)
    for index in 0..<count { try addServer { configure(index, &$0) } }
  }

  @discardableResult
  func addServer(_ configure: (inout Configuration) -> Void = { _ in }) throws -> RunningServer {
    let proxy = try Proxy(to: redis.address)
    let server = try RunningServer(.alone) {
      $0.redis = RedisAddress(address: proxy.address)
      configure(&$0)
    }
    proxies.append(proxy)
    servers.append(server)
    // Until then, what is said at others would not be heard at this one.
    try server.waitForRoom()
    return server
  }

  /// Somebody at a server, who is known to all servers.
  func person(at server: Int, from source: String? = nil, port: UInt16 = 0) throws -> SharedPerson {
    let peer = try Dialogue(connectingTo: servers[server].addresses[0], from: source, port: port)
    let person = SharedPerson(peer)
    try awaitEntry(":\(person.port), since")
    people.append(person)
    return person
  }

  /// Somebody who has chosen a name, as all people have heard.
  func person(called name: String, at server: Int) throws -> SharedPerson {
    let person = try person(at: server)
    try person.send("/nick \(name)")
    // Servers that tell who comes and goes tell of those as well that only look who is here.
    for other in people { _ = try other.lines { $0 == "* \(person.port) is now \(name)" } }
    // Who comes next comes after that, at whichever server.
    try awaitEntry("* \(name), ")
    person.name = name
    return person
  }

  /// Waits until the list of every server has this.
  func awaitEntry(_ text: String) throws {
    for index in servers.indices {
      try eventually("\(text) to be listed at every server") { try list(at: index).contains(text) }
    }
  }

  /// What a server answers to `/who`.
  func list(at server: Int) throws -> String {
    let asker = try Dialogue(connectingTo: servers[server].addresses[0])
    try asker.send("/who\nexit\n")
    return String(decoding: try asker.receiveAll(), as: UTF8.self)
  }

  /// Cuts a server off from Redis, without an end of its connections; or lets it have them again.
  func cutOff(_ server: Int) { proxies[server].pass(.nothing) }
  func reconnect(_ server: Int) { proxies[server].pass(.everything) }

  /// Takes somebody off the list of those who hear what is said.
  func forget(_ person: SharedPerson) { people.removeAll { $0 === person } }

  /// Nobody has anything left to hear but this line, which `speaker` says now.
  func expectQuiet(_ speaker: SharedPerson, _ line: String = "so far") throws {
    try speaker.send(line)
    for person in people where person !== speaker { try person.expect("\(speaker.name): \(line)") }
  }
}

/// Somebody at one of several servers.
final class SharedPerson {
  let peer: Dialogue
  /// What the others know it by.
  var name: String
  var port: UInt16 { peer.localPort }
  /// What `lines` has taken so far.
  private var heard: [String] = []

  init(_ peer: Dialogue) {
    self.peer = peer
    name = "\(peer.localPort)"
  }

  func send(_ line: String) throws { try peer.send(line + "\n") }
  func expect(_ lines: String...) throws { for line in lines { try peer.expect(line) } }

  /// Says or asks something, and hears that next.
  func ask(_ line: String, _ answers: String...) throws {
    try send(line)
    for answer in answers { try peer.expect(answer) }
  }

  /// All lines that come until one fulfils a condition; that one is the last.
  func lines(until isLast: (String) -> Bool) throws -> [String] {
    var lines: [String] = []
    repeat { lines.append(try peer.expectLine()) } while !isLast(lines[lines.count - 1])
    heard += lines
    return lines
  }

  /// Whether a line has come that fulfils a condition: one that `lines` has taken, or that nothing has yet.
  func hasHeard(_ isMeant: (String) -> Bool) throws -> Bool {
    let waiting = String(decoding: try peer.peek(), as: UTF8.self).split(separator: "\n").map(String.init)
    return (heard + waiting).contains(where: isMeant)
  }
}
