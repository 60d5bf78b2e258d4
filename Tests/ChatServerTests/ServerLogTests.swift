import ChatServer
import ChatWire
import Dispatch
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ServerLogTests {
  @Test("A stalled standard output holds up nobody, and then says how many lines it left out")
  func stalledOutput() throws {
    let pipe = try Pipe()
    try pipe.readEnd.setBlocking(false)
    var configuration = Configuration()
    configuration.addresses = [.internet(host: "127.0.0.1", port: 0)]
    let log = LogWriter(descriptor: pipe.writeEnd.number)
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
    for number in 0..<lines {
      try speaker.send("\(number) \(text)\n")
      if number == 0 {
        // The listener may have joined after the first line; from the second on it hears everything.
        try eventually("the listener to be in the room") {
          try speaker.send("again\n")
          return try !listener.peek().isEmpty
        }
      }
    }
    var heard = ""
    while !heard.hasPrefix("\(speaker.localPort): \(lines - 1) ") { heard = try listener.expectLine() }

    // Now somebody reads. One more line brings the count of those left out.
    var output: [UInt8] = []
    func read() throws {
      withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        while case .bytes(let count) = pipe.readEnd.read(into: buffer) { output += buffer[..<count] }
      }
    }
    try eventually("the log to say what it left out") {
      try read()
      try speaker.send("more\n")
      return output.count > 4 << 20 && String(decoding: output.suffix(4096), as: UTF8.self).contains("more\n")
    }
    let logged = String(decoding: output, as: UTF8.self).split(separator: "\n")
    let notes = logged.filter { $0.hasPrefix("[LOG] ") }
    #expect(notes.count == 1)
    let leftOut = try #require(notes.first.flatMap { Int($0.split(separator: " ")[1]) })
    let relayed = logged.count { $0.contains("] Relaying message: ") && $0.hasSuffix(text) }
    #expect(leftOut > 0)
    #expect(relayed + leftOut == lines)
  }
}
