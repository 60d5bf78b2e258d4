import ChatWire
import Glibc
import Synchronization
import TestSupport

/// The server as built, run as a program, and what the kernel says of it.
final class ServerUnderTest {
  /// The server to run; nil for the one beside this program.
  static let path = Mutex<String?>(nil)

  private let program: Program
  private let directory = Result { try TemporaryDirectory() }
  let log: String
  let port: UInt16
  var pid: pid_t { program.pid }
  var address: Address { address(host: "127.0.0.1") }
  func address(host: String) -> Address { .internet(host: host, port: port) }
  /// Sockets that it has open without a single member: those that it listens on.
  private let idleSockets: Int

  /// - Parameters:
  ///   - descriptors: the most descriptors it may have; nil for what this process may have.
  ///   - listening: where it listens.
  init(
    _ arguments: [String] = [], listening: String = "127.0.0.1:0", descriptors: Int? = nil,
    environment: [String: String] = [:]
  ) throws {
    raiseDescriptorLimit()
    let path = try Self.path.withLock { $0 } ?? Program.built("mychatserver")
    log = try directory.get().file("log")
    let limit = descriptors.map { "ulimit -n \($0) && " } ?? ""
    program = try Program(
      "/bin/sh", ["-c", "\(limit)exec \"$0\" \"$@\"", path, listening] + arguments, environment: environment,
      input: .nothing, output: .file(log), errors: .file(log))
    var found: UInt16?
    let log = log
    try eventually("the server to listen; it says \(shown(contents(of: log, atMost: 300)))") {
      let line = String(decoding: contents(of: log, atMost: 300), as: UTF8.self)
      guard let end = line.firstIndex(of: "\n") else { return false }
      guard line.hasPrefix("[LISTENING]") else { throw TestFailure("the server does not start: \(line)") }
      found = line[..<end].split(separator: ":").last.flatMap { UInt16($0) }
      return true
    }
    port = found ?? 0
    idleSockets = openSockets(program.pid)
  }

  var isAlive: Bool { kill(pid, 0) == 0 && state != "Z" }

  private var state: Substring { field("State:") ?? "Z" }
  /// KiB in memory now, and at most so far.
  var memory: Int { field("VmRSS:").flatMap { Int($0) } ?? 0 }
  var peakMemory: Int { field("VmHWM:").flatMap { Int($0) } ?? 0 }
  /// Descriptors of any kind. They keep still only once a line has been relayed, because libdispatch opens its own on a
  /// thread of its own, some of them after the server listens.
  var descriptors: Int { openFiles(of: pid).count }
  /// Members and others that are connected.
  var connections: Int { openSockets(pid) - idleSockets }

  private func field(_ name: String) -> Substring? {
    let status = String(decoding: contents(of: "/proc/\(pid)/status", atMost: 8192), as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first
  }

  /// Nanoseconds of CPU time so far.
  var cpu: UInt64 {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Its share of one processor, in per cent, while `body` runs.
  func load(during body: () throws -> Void) rethrows -> Double {
    let (start, used) = (nanoseconds(), cpu)
    try body()
    return 100 * Double(cpu - used) / Double(nanoseconds() - start)
  }

  /// Waits until as many connections are open in the server as there should be.
  func settle(at count: Int, within limit: Duration = generousLimit) throws {
    try eventually("\(count) connections; there are \(connections)", within: limit) { connections == count }
  }

  /// How often the log has `text` in it.
  func logged(_ text: String) -> Int { occurrences(of: Array(text.utf8), in: contents(of: log, atMost: 256 << 20)) }

  /// The port of the member that came first.
  func portOfFirstMember() throws -> UInt16 {
    let start = "[NEW CONNECTION] ('127.0.0.1', "
    var port: UInt16?
    try eventually("a [NEW CONNECTION] line") {
      let lines = String(decoding: contents(of: log, atMost: 1000), as: UTF8.self).split(separator: "\n")
      port = lines.first { $0.hasPrefix(start) }.flatMap { UInt16($0.dropFirst(start.count).prefix { $0 != ")" }) }
      return port != nil
    }
    return port ?? 0
  }

  /// What the kernel holds for the member at `port` of 127.0.0.1, as text that changes with each byte that it takes or gets rid
  /// of (proc(5), /proc/net/tcp: tx_queue).
  func heldByKernel(for member: UInt16) -> Substring? {
    func suffix(_ port: UInt16) -> String {
      let digits = String(port, radix: 16, uppercase: true)
      return ":" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    let (own, other) = (suffix(port), suffix(member))
    for line in String(decoding: contents(of: "/proc/net/tcp", atMost: 16 << 20), as: UTF8.self).split(separator: "\n")
    {
      let fields = line.split(separator: " ", maxSplits: 5)
      if fields.count > 4, fields[1].hasSuffix(own), fields[2].hasSuffix(other) {
        return fields[4].prefix { $0 != ":" }
      }
    }
    return nil
  }

  func signal(_ signal: CInt) { program.signal(signal) }

  /// Waits for its end.
  func waitForExit(within limit: Duration = generousLimit) throws -> Program.Exit {
    program.limit = limit
    return try program.waitForExit()
  }

  /// Changes the most descriptors that the running server may have, up to what it began with (prlimit(1)).
  func limitDescriptors(to count: Int) throws {
    let program = try Program("/usr/bin/prlimit", ["--pid", "\(pid)", "--nofile=\(count):"], input: .nothing)
    guard try program.waitForExit() == .status(0) else { throw Skipped(reason: "prlimit: \(program.errorLines)") }
  }
}

/// Waits for a while: what a row measures goes on meanwhile.
func pass(_ duration: Duration) { _ = poll(nil, 0, CInt(duration / .milliseconds(1))) }

func occurrences(of needle: [UInt8], in bytes: [UInt8]) -> Int {
  bytes.withUnsafeBytes { all in
    var (count, index) = (0, 0)
    while index + needle.count <= all.count, let start = all.baseAddress,
      let found = memchr(start + index, CInt(needle[0]), all.count - index - needle.count + 1)
    {
      let matches = memcmp(found, needle, needle.count) == 0
      if matches { count += 1 }
      index = UnsafeRawPointer(found) - start + (matches ? needle.count : 1)
    }
    return count
  }
}

/// What each descriptor of a process is open on, as the links in /proc/PID/fd name it (proc(5)).
private func openFiles(of pid: pid_t) -> [String] {
  guard let directory = opendir("/proc/\(pid)/fd") else { return [] }
  defer { closedir(directory) }
  var files: [String] = []
  var target = [CChar](repeating: 0, count: Int(PATH_MAX))
  while let entry = readdir(directory) {
    let count = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { readlinkat(dirfd(directory), $0, &target, target.count) }
    }
    // `.` and `..` are no links.
    if count >= 0 { files.append(String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)) }
  }
  return files
}

private func openSockets(_ pid: pid_t) -> Int { openFiles(of: pid).count { $0.hasPrefix("socket:") } }

/// The first bytes of a file; none if it is not there.
func contents(of path: String, atMost most: Int) -> [UInt8] {
  let number = open(path, O_RDONLY | O_CLOEXEC)
  guard number >= 0 else { return [] }
  let file = FileDescriptor(owning: number)
  var bytes: [UInt8] = []
  let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
  defer { piece.deallocate() }
  while bytes.count < most, case .bytes(let count) = file.read(into: piece) {
    bytes.append(contentsOf: piece[..<count])
  }
  return bytes
}
