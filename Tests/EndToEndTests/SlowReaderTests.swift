import ChatWire
import Glibc
import TestSupport
import Testing

/// The built server among members that read nothing: its memory is looked at from outside.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct SlowReaderTests {
  @Test(
    "Beside twenty members that never read, twenty get 64 MiB in order; when they read again, they get the exact count of what they missed",
    arguments: ["portable", "epoll"])
  func stalledMembers(layer: String) throws {
    let server = try ServerProgram(options: ["--event-layer", layer])
    // 0 talks, 1 to 20 read, 21 to 40 do not until the end.
    let crowd = try Crowd(of: 41, connectingTo: server.address)
    for _ in 0..<crowd.count { _ = try server.nextPort() }
    for index in 21...40 { crowd.with(index) { $0.isReading = false } }
    let memoryBefore = try residentBytes(of: server.program.pid)

    let length = 1023
    // What is not read for 30 s is given up, so it has to be said within that time.
    let lines = (isSanitized ? 16 : 64) << 20 / (length + 1)
    var said = 0
    var heard = [Int](repeating: 0, count: 41)
    var skipped = [Int](repeating: 0, count: 41)
    var wrong: [String] = []
    func hear(_ index: Int, _ bytes: UnsafeRawBufferPointer) {
      if let (_, line, lineLength) = NumberedLine.heard(bytes) {
        // The next line due is the one behind all that was heard and all that was said to be missed.
        if Int(line.number) != heard[index] + skipped[index] || lineLength != length {
          wrong.append("member \(index) expected line \(heard[index] + skipped[index]), got \(line.number)")
        }
        heard[index] += 1
      } else {
        let notice = String(decoding: bytes, as: UTF8.self)
        let count =
          notice.hasPrefix("* ") && notice.hasSuffix(" lines skipped") ? Int(notice.dropFirst(2).dropLast(14)) : nil
        if let count { skipped[index] += count } else { wrong.append("member \(index) got \(notice)") }
      }
    }
    func keepTalking() {
      crowd.with(0) { peer in
        guard peer.unsentBytes < 1 << 20, said < lines else { return }
        var bytes: [UInt8] = []
        for _ in 0..<1024 where said < lines {
          bytes += NumberedLine(speaker: 0, number: said).text(length: length) + [0x0A]
          said += 1
        }
        peer.say(bytes)
      }
    }
    let readersAreDone = {
      keepTalking()
      return (1...20).allSatisfy { heard[$0] == lines }
    }
    try crowd.run(within: .seconds(120), until: readersAreDone, line: hear)
    let memoryAfter = try residentBytes(of: server.program.pid)
    #expect(isSanitized || memoryAfter - memoryBefore <= 1 << 20 + 16 << 20, "memory beyond what it had at first")

    for index in 21...40 { crowd.with(index) { $0.isReading = true } }
    try crowd.run(
      within: .seconds(60), until: { (21...40).allSatisfy { heard[$0] + skipped[$0] == lines } }, line: hear)
    #expect(wrong.isEmpty)
    #expect(skipped[1...20].allSatisfy { $0 == 0 })
    #expect(skipped[21...40].allSatisfy { $0 > 0 })
  }

  @Test("One that floods under --rate and reads nothing costs no memory", arguments: ["portable", "epoll"])
  func floodUnderRate(layer: String) throws {
    let server = try ServerProgram(options: ["--event-layer", layer, "--rate", "1000:50"])
    let talker = try Dialogue(connectingTo: server.address)
    let flooder = try Dialogue(connectingTo: server.address, receiveBuffer: 4096)
    for _ in 0..<2 { _ = try server.nextPort() }
    for _ in 0..<20 { try talker.send(String(repeating: "w", count: 8000) + "\n") }
    let flood = Array(String(repeating: "f\n", count: 4096).utf8)
    var memoryBefore = 0
    let start = ContinuousClock.now
    try eventually("eight seconds to go by", within: generousLimit + .seconds(8)) {
      _ = try flooder.sendWithoutWaiting(flood[...])
      // The flooder waits for two things now: to be read again, and to take something.
      if memoryBefore == 0, ContinuousClock.now - start > .seconds(2) {
        memoryBefore = try residentBytes(of: server.program.pid)
      }
      return ContinuousClock.now - start > .seconds(8)
    }
    let growth = try residentBytes(of: server.program.pid) - memoryBefore
    #expect(isSanitized || growth < 4 << 20)
  }

  private func residentBytes(of pid: pid_t) throws -> Int {
    let file = FileDescriptor(owning: open("/proc/\(pid)/statm", O_RDONLY | O_CLOEXEC))
    var text = [UInt8](repeating: 0, count: 256)
    guard case .bytes(let count) = text.withUnsafeMutableBytes({ file.read(into: $0) }) else {
      throw TestFailure("no /proc/\(pid)/statm")
    }
    let fields = String(decoding: text[..<count], as: UTF8.self).split(separator: " ")
    return try #require(Int(fields[1])) * sysconf(CInt(_SC_PAGESIZE))
  }
}
