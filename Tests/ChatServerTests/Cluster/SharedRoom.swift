import ChatRedis
import ChatServer
import ChatWire
import Glibc
import TestSupport

/// Several servers in this process that share one room, and people at them.
final class SharedRoom {
  let redis: RedisServer
  private(set) var servers: [RunningServer] = []
  private(set) var people: [SharedPerson] = []

  /// - Parameter configure: is told which of the servers it is for.
  init(servers count: Int = 2, _ configure: (Int, inout Configuration) -> Void = { _, _ in }) throws {
    redis = try RedisServer(onUnixSocket: true)
    for index in 0..<count { try addServer { configure(index, &$0) } }
  }

  @discardableResult
  func addServer(_ configure: (inout Configuration) -> Void = { _ in }) throws -> RunningServer {
    let address = RedisAddress(address: redis.address)
    let server = try RunningServer(.epoll) {
      $0.redis = address
      configure(&$0)
    }
    servers.append(server)
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
    for other in people { try other.expect("* \(person.port) is now \(name)") }
    // Who comes next comes after that, at whichever server.
    try awaitEntry("* \(name), ")
    person.name = name
    return person
  }

  /// Waits until the list of every server has this.
  func awaitEntry(_ text: String) throws {
    for server in servers {
      try eventually("\(text) to be listed at every server") {
        let asker = try Dialogue(connectingTo: server.addresses[0])
        try asker.send("/who\nexit\n")
        return String(decoding: try asker.receiveAll(), as: UTF8.self).contains(text)
      }
    }
  }

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
    return lines
  }
}
