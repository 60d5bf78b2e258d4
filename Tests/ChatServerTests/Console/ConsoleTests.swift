import ChatWire
import Dispatch
import Glibc
import TestSupport
import Testing

@testable import ChatServer

@Suite(.timeLimit(.minutes(10)))
struct ConsoleTests {
  @Test func `Where a peer is from is shown as an address is written`() {
    for (label, place) in [
      ("('127.0.0.1', 54321)", "127.0.0.1:54321"), ("('fe80::1', 7)", "[fe80::1]:7"),
      ("('unix:/tmp/it's, here', 12)", "unix:/tmp/it's, here"),
    ] {
      #expect(Console.PeerLabel(label).place == place)
    }
  }

  @Test func `A stalled standard output holds up nobody, and then says how many lines it left out`() throws {
    let pipe = try Pipe()
    try pipe.readEnd.setBlocking(false)
    var configuration = Configuration()
    configuration.addresses = [.internet(host: "127.0.0.1", port: 0)]
    let log = Log(to: pipe.writeEnd.number)
    let stopped = DispatchSemaphore(value: 0)
    let server = try Server(configuration, log: log) { stopped.signal() }
    let addresses = try server.start()
    defer {
      server.stop()
      stopped.wait()
      // The pipe is closed next, and another test will get its number.
      log.drain(seconds: 30)
    }

    let listener = try Dialogue(connectingTo: addresses[0])
    let speaker = try Dialogue(connectingTo: addresses[0])
    let text = String(repeating: "x", count: 1000)
    let lines = 8000
    var said = 0
    func say(_ line: String) throws {
      try speaker.send(line + "\n")
      said += 1
    }
    // The listener may join after the first lines; once it hears one, it hears all that follow.
    try eventually("the listener to be in the room") {
      try say("again")
      return try !listener.peek().isEmpty
    }
    for number in 0..<lines { try say("\(number) \(text)") }
    var heard = ""
    while !heard.hasPrefix("\(speaker.localPort): \(lines - 1) ") { heard = try listener.expectLine() }

    // Now somebody reads. Sooner or later every line said is logged, or counted as left out.
    var output: [UInt8] = []
    var logged: [Substring] = []
    var notes: [Substring] = []
    var relayed = 0
    var leftOut = 0
    try eventually("the log to account for every line") {
      withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        while case .bytes(let count) = pipe.readEnd.read(into: buffer) { output += buffer[..<count] }
      }
      guard output.last == 0x0A else { return false }
      logged = String(decoding: output, as: UTF8.self).split(separator: "\n")
      notes = logged.filter { $0.hasPrefix("[LOG] ") }
      relayed = logged.count { $0.contains("] Relaying message: ") }
      leftOut = notes.reduce(0) { $0 + (Int($1.split(separator: " ")[1]) ?? 0) }
      return relayed + leftOut >= said
    }
    #expect(relayed + leftOut == said)
    #expect(leftOut > 0)
  }

  @Test func `Where lines could not be written, the log says how many once it takes lines again`() throws {
    let pipe = try Pipe()
    try pipe.readEnd.setBlocking(false)
    let output = FileDescriptor(owning: open("/dev/null", O_RDONLY | O_CLOEXEC))
    let writer = Log(to: output.number).writer
    var page = Array("one\ntwo\n".utf8)
    writer.take(&page)
    writer.drain(seconds: 30)
    #expect(dup2(pipe.writeEnd.number, output.number) == output.number)
    page = Array("three\n".utf8)
    writer.take(&page)
    writer.drain(seconds: 30)
    var logged: [UInt8] = []
    try eventually("the log to say it") {
      withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        if case .bytes(let count) = pipe.readEnd.read(into: buffer) { logged += buffer[..<count] }
      }
      return logged.count { $0 == 0x0A } >= 2
    }
    #expect(
      String(decoding: logged, as: UTF8.self)
        == "[LOG] 2 lines left out, because standard output took no more.\nthree\n")
  }

  @Test func `A drain does not wait for an output that nobody reads`() throws {
    let pipe = try Pipe()
    let writer = Log(to: pipe.writeEnd.number).writer
    defer {
      // The pipe is closed next, and another test will get its number.
      withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 1) { _ = pipe.readEnd.read(into: $0) }
      writer.drain(seconds: 30)
    }
    var page = [UInt8](repeating: UInt8(ascii: "\n"), count: 100_000)
    writer.take(&page)
    let start = Moment.now
    writer.drain(seconds: 30)
    #expect(start.distance(to: .now) < .seconds(10))
  }

  @Test func `A line that was torn by an error counts as lost, and the next one begins on a new line`() throws {
    ignoreBrokenPipes()
    let broken = try Pipe()
    let whole = try Pipe()
    let output = FileDescriptor(owning: dup(broken.writeEnd.number))
    let writer = Log(to: output.number).writer
    // 64 KiB fit into a pipe (pipe(7)): 65 lines and half of the next.
    var page = Array(String(repeating: String(repeating: "x", count: 999) + "\n", count: 200).utf8)
    writer.take(&page)
    try eventually("the pipe to be full") {
      var waiting: CInt = 0
      return ioctl(output.number, UInt(FIONREAD), &waiting) == 0 && waiting == 65_536
    }
    // Its only reader goes.
    dup2(whole.readEnd.number, broken.readEnd.number)
    writer.drain(seconds: 30)
    dup2(whole.writeEnd.number, output.number)
    page = Array("next\n".utf8)
    writer.take(&page)
    writer.drain(seconds: 30)
    var logged: [UInt8] = []
    try whole.readEnd.setBlocking(false)
    withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
      if case .bytes(let count) = whole.readEnd.read(into: buffer) { logged += buffer[..<count] }
    }
    #expect(
      String(decoding: logged, as: UTF8.self)
        == "\n[LOG] 135 lines left out, because standard output took no more.\nnext\n")
  }
}
