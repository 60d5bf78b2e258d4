import ChatWire
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct FileDescriptorTests {
  @Test func `An empty pipe would block, then gives what was written, then ends`() throws {
    let ends = try Ends()
    let reading = ends.reading
    let writing = ends.writing
    try reading.setBlocking(false)
    #expect(read(reading) == (.wouldBlock, ""))
    #expect("hello".utf8.withBytes { writing.write($0) } == .bytes(5))
    #expect(read(reading) == (.bytes(5), "hello"))
    writing.close()
    #expect(read(reading) == (.ended, ""))
  }

  @Test func `A full pipe would block`() throws {
    let ends = try Ends()
    let reading = ends.reading
    let writing = ends.writing
    try writing.setBlocking(false)
    let block = [UInt8](repeating: 7, count: 65_536)
    var outcome = Transfer.bytes(0)
    for _ in 0..<100 where outcome != .wouldBlock { outcome = block.withUnsafeBytes { writing.write($0) } }
    #expect(outcome == .wouldBlock)
    #expect(read(reading).0 != .wouldBlock)
  }

  @Test func `Writing to a peer that has gone fails, and does not end the process`() throws {
    ignoreBrokenPipes()
    let ends = try Ends()
    let reading = ends.reading
    let writing = ends.writing
    reading.close()
    #expect("x".utf8.withBytes { writing.write($0) } == .failed(SystemCallError("write", code: EPIPE)))
  }

  @Test func `A descriptor is closed when its owner lets go of it`() throws {
    let ends = try Ends()
    let reading = ends.reading
    var writing: FileDescriptor? = ends.writing
    try reading.setBlocking(false)
    #expect(read(reading) == (.wouldBlock, ""))
    writing = nil
    #expect(read(reading) == (.ended, ""))
    _ = writing
  }

  @Test func `A pipe is not passed on to programs that are started`() throws {
    let pipe = try Pipe()
    #expect(fcntl(pipe.readEnd.number, F_GETFD) & FD_CLOEXEC != 0)
    #expect(fcntl(pipe.writeEnd.number, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func `An error names the call and the reason`() {
    #expect(SystemCallError("bind", code: EADDRINUSE).description == "bind: Address already in use")
    #expect(SystemCallError("bind", code: EADDRINUSE).reason == "Address already in use")
  }

  @Test func `The descriptor limit is raised to the hard limit`() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #expect(raiseDescriptorLimit() == Int(clamping: limit.rlim_max))
  }

  private func read(_ descriptor: borrowing FileDescriptor) -> (Transfer, String) {
    withUnsafeTemporaryAllocation(byteCount: 100, alignment: 1) { buffer in
      let outcome = descriptor.read(into: buffer)
      guard case .bytes(let count) = outcome else { return (outcome, "") }
      return (outcome, String(decoding: buffer[..<count], as: UTF8.self))
    }
  }
}

extension String.UTF8View {
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    Array(self).withUnsafeBytes(body)
  }
}

/// The two ends of a pipe, which can be let go of one by one, as those of a `Pipe` cannot.
private struct Ends: ~Copyable {
  let reading: FileDescriptor
  let writing: FileDescriptor

  init() throws {
    let pipe = try Pipe()
    reading = FileDescriptor(owning: dup(pipe.readEnd.number))
    writing = FileDescriptor(owning: dup(pipe.writeEnd.number))
  }
}
