import ChatServer
import ChatWire
import TestSupport
import Testing

/// What a service manager is told of a server.
@Suite(.timeLimit(.minutes(10))) struct ServiceManagerTests {
  private let manager: PlayedServiceManager

  init() throws { manager = try PlayedServiceManager() }

  private func server(
    watchdog microseconds: String? = nil, of process: String? = nil
  ) throws -> RunningServer {
    var variables = ["NOTIFY_SOCKET": manager.path]
    variables["WATCHDOG_USEC"] = microseconds
    variables["WATCHDOG_PID"] = process
    return try RunningServer(.alone) { $0.notifySocket = NotifySocket(processID: 42) { variables[$0] } }
  }

  @Test func `It is told when the server listens and when it stops`() throws {
    let server = try server()
    #expect(try manager.expect("READY=1") == ["READY=1", "STATUS=members: 0, lines said: 0"])
    let member = try server.peer()
    try member.send("hi\n/nick bob\n")
    try member.expect("* \(member.localPort) is now bob")
    server.server.stop()
    #expect(try manager.expect("STOPPING=1") == ["STOPPING=1", "STATUS=stopping; members: 1, lines said: 2"])
    #expect(server.wait())
  }

  @Test func `Signs of life come again and again with what has changed until the server has stopped`() throws {
    let server = try server(watchdog: "40000", of: "42")
    try manager.expect("READY=1")
    #expect(try manager.expect("WATCHDOG=1") == ["WATCHDOG=1"])
    let member = try server.peer()
    #expect(try manager.expect("STATUS=members: 1, lines said: 0").first == "WATCHDOG=1")
    for _ in 0..<3 { try manager.expect("WATCHDOG=1") }
    member.close()
    #expect(server.stop())
    try manager.expect("STOPPING=1")
    try manager.takeMessages()
    let count = manager.messages.count
    try eventually("the time of ten signs of life to go by") { [start = Moment.now] in
      start + .milliseconds(200) <= .now
    }
    try manager.takeMessages()
    #expect(manager.messages.count == count)
  }

  @Test func `Signs of life that another process owes are not given`() throws {
    let server = try server(watchdog: "20000", of: "43")
    try manager.expect("READY=1")
    #expect(server.stop())
    try manager.takeMessages()
    #expect(manager.messages.map(\.first) == ["STOPPING=1"])
  }

  @Test func `A manager that takes nothing keeps nobody waiting and is told later that the server is ready`() throws {
    let place = try #require(try Address.unix(path: manager.path).resolved().first)
    let other = try FileDescriptor.datagramSocket()
    var filled = 0
    while case .bytes = Array("X=1".utf8).withUnsafeBytes({ other.send($0, to: place) }) { filled += 1 }
    #expect(filled > 0)
    let server = try server(watchdog: "20000")
    let member = try server.peer()
    try member.send("/nick bob\n")
    try member.expect("* \(member.localPort) is now bob")
    try manager.expect("READY=1")
    try manager.expect("WATCHDOG=1")
    #expect(server.stop())
  }

  @Test func `A manager that has gone does not disturb the room`() throws {
    var manager: PlayedServiceManager? = try PlayedServiceManager()
    let path = try #require(manager?.path)
    manager = nil
    let server = try RunningServer(.alone) {
      $0.notifySocket = NotifySocket { $0 == "NOTIFY_SOCKET" ? path : nil }
    }
    let member = try server.peer()
    try member.send("/nick bob\n")
    try member.expect("* \(member.localPort) is now bob")
    #expect(server.stop())
  }
}
