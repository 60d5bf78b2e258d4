import ChatWire
import Glibc
import TestSupport
import Testing

@testable import ChatLoad

/// Whole runs, on servers that make one mistake on purpose.
@Suite(.timeLimit(.minutes(10)))
struct LoadRunTests {
  /// Ten receivers, three of which send 200 lines in all.
  static func load(_ server: FaultyServer, timeout: Double = 60) -> Load {
    var load = Load.standard
    load.address = .internet(host: "127.0.0.1", port: server.port)
    (load.receivers, load.senders, load.lines, load.pace, load.timeout) = (10, 3, 200, .window(32), timeout)
    return load
  }

  @Test func `A correct server is found to be clean, and every delivery is counted`() throws {
    let server = try FaultyServer(.none)
    let report = try measure(Self.load(server)) { _ in }
    #expect(report.isClean)
    #expect(report.deliveries == 1800)
    #expect(report.latency.count == 1800)
    #expect(report.latency.maximum > 0)
    #expect(report.notices == 0)
  }

  @Test func `A paced load takes its time`() throws {
    let server = try FaultyServer(.none)
    var load = Self.load(server)
    load.pace = .rate(1000)
    let report = try measure(load) { _ in }
    #expect(report.isClean)
    // The last of 200 lines is due after 199 ms.
    #expect(report.elapsed.nanoseconds >= 199_000_000)
  }

  @Test(
    arguments: [
      (.lose, Flaws(lost: 1)), (.double, Flaws(doubled: 1)), (.tear, Flaws(lost: 1, torn: 1)),
      (.swap, Flaws(outOfOrder: 1)), (.notice, Flaws()),
    ] as [(FaultyServer.Fault, Flaws)])
  func `One mistake at one receiver is found, and nothing else`(fault: FaultyServer.Fault, flaws: Flaws) throws {
    let server = try FaultyServer(fault)
    var load = Self.load(server)
    // With one sender, neighbours are lines of one order.
    load.senders = 1
    let report = try measure(load) { _ in }
    #expect(report.flaws == flaws)
    #expect(report.failure == nil)
    #expect(report.isClean == (flaws == Flaws()))
    #expect(report.notices == (fault == .notice ? 1 : 0))
  }

  @Test(arguments: [FaultyServer.Fault.lose, .double])
  func `A mistake at the very last line is found, and the run ends`(fault: FaultyServer.Fault) throws {
    let server = try FaultyServer(fault, occasion: 200)
    var load = Self.load(server, timeout: 5)
    load.senders = 1
    let report = try measure(load) { _ in }
    #expect(report.flaws == (fault == .lose ? Flaws(lost: 1) : Flaws(doubled: 1)))
    #expect((report.failure != nil) == (fault == .lose))
  }

  @Test func `A connection that the server closes ends the run with what was found so far`() throws {
    let server = try FaultyServer(.hangUp)
    let report = try measure(Self.load(server)) { _ in }
    #expect(report.failure == "The server closed connection 10 of 10.")
    #expect(!report.isClean)
    #expect(report.flaws.lost > 0)
  }

  @Test func `A server that speaks another protocol is named as the likely reason`() throws {
    let server = try FaultyServer(.none)
    var load = Self.load(server, timeout: 0.3)
    load.dialect = .nats
    let error = #expect(throws: LoadFailure.self) { try measure(load) { _ in } }
    #expect(error?.description.contains("Does it speak the protocol 'nats'?") == true)
  }

  @Test func `A process that does not exist is refused`() throws {
    let server = try FaultyServer(.none)
    var load = Self.load(server)
    load.process = .max
    let error = #expect(throws: LoadFailure.self) { try measure(load) { _ in } }
    #expect(error?.description.contains("There is no process") == true)
  }

  @Test func `CPU time and memory are those of the process`() throws {
    let process = try #require(ProcessFigures(of: getpid()))
    let before = try #require(process.cpuNanoseconds)
    var sum: UInt64 = 0
    try eventually("this process to use a millisecond") {
      for number in 0..<100_000 as Range<UInt64> { sum ^= number &* number }
      return try #require(process.cpuNanoseconds) > before + 1_000_000
    }
    #expect(sum != 1)
    #expect(try #require(process.residentKiB) > 1000)
  }
}
