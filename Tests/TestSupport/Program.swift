import ChatWire
import Glibc

/// A program that a test runs: one of ours as built, or one of the system's. It gets the terminal, descriptors and environment
/// it is given and no others, and is killed and reaped when this is released. For one test on one thread.
package final class Program {
  package enum Stream {
    /// Held by the test.
    case pipe
    /// Read from, or appended to, the file at this path.
    case file(String)
    case nothing
    case terminal(Pty)
  }

  package enum Exit: Equatable, CustomStringConvertible {
    case status(CInt)
    case signal(CInt)

    package var description: String {
      switch self {
      case .status(let status): "status \(status)"
      case .signal(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
      }
    }
  }

  package let name: String
  package let pid: pid_t
  package var limit = generousLimit
  /// All that has been read of its standard output and standard error; see `waitForExit`.
  package private(set) var output: [UInt8] = []
  package private(set) var errors: [UInt8] = []
  package private(set) var exit: Exit?

  /// This process's ends of its pipes; nil where there is none, and once it has ended.
  private var inputPipe: FileDescriptor?
  private var outputPipe: FileDescriptor?
  private var errorPipe: FileDescriptor?
  /// Where the next `waitForLine` starts in `output`.
  private var nextLine = 0

  package init(
    _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], input: Stream = .pipe,
    output: Stream = .pipe, errors: Stream = .pipe
  ) throws {
    ignoreBrokenPipes()
    name = path.split(separator: "/").last.map(String.init) ?? path
    var spawn = Spawn()
    inputPipe = try spawn.connect(input, to: STDIN_FILENO)
    outputPipe = try spawn.connect(output, to: STDOUT_FILENO)
    errorPipe = try spawn.connect(errors, to: STDERR_FILENO)
    let variables = Self.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
    pid = try spawn.run(path, [path] + arguments, variables)
  }

  /// Runs one of this package's programs, as built beside the tests.
  package convenience init(
    built name: String, _ arguments: [String] = [], environment: [String: String] = [:], input: Stream = .pipe,
    output: Stream = .pipe, errors: Stream = .pipe
  ) throws {
    let path = try Self.built(name)
    try self.init(path, arguments, environment: environment, input: input, output: output, errors: errors)
  }

  /// Runs one of this package's programs on a terminal.
  package convenience init(
    built name: String, _ arguments: [String] = [], environment: [String: String] = [:], on terminal: Pty
  ) throws {
    try self.init(
      built: name, arguments, environment: environment, input: .terminal(terminal), output: .terminal(terminal),
      errors: .terminal(terminal))
  }

  deinit {
    guard exit == nil else { return }
    kill(pid, SIGKILL)
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
  }

  /// The path of one of this package's programs: SwiftPM puts them beside the test program.
  package static func built(_ name: String) throws -> String {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &target, target.count)
    let own = String(decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
    guard access(path, X_OK) == 0 else { throw TestFailure("\(path) is not there; run: swift build") }
    return path
  }

  /// The path of a program of the system: where Debian puts programs and servers, or else in PATH.
  package static func found(_ name: String) throws -> String {
    let path = getenv("PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
    let places = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin"] + path
    guard let place = places.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else {
      throw TestFailure("\(name) is not installed, and this test needs it; run: make test")
    }
    return "\(place)/\(name)"
  }

  /// The environment of every program: none of the settings of whoever runs the tests, except the sanitizers' options.
  private static let environment = {
    var variables = [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "TERM": "xterm",
    ]
    for name in ["ASAN_OPTIONS", "TSAN_OPTIONS"] { variables[name] = getenv(name).map { String(cString: $0) } }
    return variables
  }()

  package func signal(_ signal: CInt) { if exit == nil { kill(pid, signal) } }

  /// Writes all of `text` to its standard input.
  package func write(_ text: String) throws {
    let bytes = Array(text.utf8)
    let deadline = Moment.now + limit
    var written = 0
    while written < bytes.count {
      guard let pipe = inputPipe?.number else { throw TestFailure("\(name) has no open standard input") }
      switch inputPipe.write(bytes[written...]) {
      case .bytes(let count): written += count
      case .wouldBlock:
        readWhatIsThere()
        guard FileDescriptor.wait(for: POLLOUT, on: pipe, until: deadline) else {
          throw TestFailure("\(name) took \(written) of \(bytes.count) bytes of input within \(limit)")
        }
      case .ended: break
      case .failed(let error): throw TestFailure("\(name) took \(written) of \(bytes.count) bytes, then \(error)")
      }
    }
  }

  package func closeInput() { inputPipe = nil }

  /// Reads no more of its standard output.
  package func closeOutput() { outputPipe = nil }

  /// The next line of its standard output that satisfies `matches`; those before it are passed over.
  package func waitForLine(_ what: String, _ matches: (String) -> Bool) throws -> String {
    let deadline = Moment.now + limit
    while true {
      readWhatIsThere()
      while let end = output[nextLine...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: output[nextLine..<end], as: UTF8.self)
        nextLine = end + 1
        if matches(line) { return line }
      }
      if deadline.hasPassed { throw TestFailure("waited \(limit) for \(what) from \(name)\(soFar)") }
      if reap() && outputPipe.isNone { throw TestFailure("\(name) ended before \(what)\(soFar)") }
      _ = poll(nil, 0, 5)
    }
  }

  /// Waits for the line `line` on its standard output.
  package func waitForLine(_ line: String) throws {
    _ = try waitForLine("the line \(line.debugDescription)") { $0 == line }
  }

  /// Waits for the line `line` on its standard error.
  package func waitForErrorLine(_ line: String) throws {
    let deadline = Moment.now + limit
    while true {
      readWhatIsThere()
      if errorLines.contains(line) { return }
      if deadline.hasPassed || hasEnded { throw TestFailure("no line \(line.debugDescription) from \(name)\(soFar)") }
      _ = poll(nil, 0, 5)
    }
  }

  /// Waits for its end; then `output` and `errors` are complete.
  @discardableResult
  package func waitForExit() throws -> Exit {
    let deadline = Moment.now + limit
    while !reap() {
      if deadline.hasPassed { throw TestFailure("waited \(limit) for the end of \(name)\(soFar)") }
      readWhatIsThere()
      _ = poll(nil, 0, 5)
    }
    readWhatIsThere()
    guard let exit else { throw TestFailure("\(name) was not reaped") }
    return exit
  }

  /// Whether it has ended by now.
  package var hasEnded: Bool { reap() }

  package var outputLines: [String] { Self.lines(output) }
  package var errorLines: [String] { Self.lines(errors) }

  /// Takes in what it has written by now, without waiting.
  package func readWhatIsThere() {
    outputPipe.readWhatIsThere(into: &output)
    errorPipe.readWhatIsThere(into: &errors)
  }

  private func reap() -> Bool {
    var status: CInt = 0
    if exit == nil, waitpid(pid, &status, WNOHANG) == pid {
      exit = status & 0x7F == 0 ? .status(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }
    return exit != nil
  }

  private var soFar: String {
    "; exit: \(exit.map(\.description) ?? "none"), output: \(shown(output)), errors: \(shown(errors))"
  }

  private static func lines(_ bytes: [UInt8]) -> [String] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { String(decoding: $0, as: UTF8.self) }
  }
}

extension Optional where Wrapped == FileDescriptor {
  fileprivate var isNone: Bool {
    switch self {
    case .some: false
    case nil: true
    }
  }

  fileprivate borrowing func write(_ bytes: ArraySlice<UInt8>) -> Transfer {
    switch self {
    case .some(let pipe): bytes.withUnsafeBytes { pipe.write($0) }
    case nil: .ended
    }
  }

  /// Reads until nothing more is there, and lets go of the pipe at its end.
  fileprivate mutating func readWhatIsThere(into bytes: inout [UInt8]) {
    while true {
      let outcome = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        switch self {
        case nil: return Transfer.wouldBlock
        case .some(let pipe):
          let outcome = pipe.read(into: buffer)
          if case .bytes(let count) = outcome { bytes.append(contentsOf: buffer[..<count]) }
          return outcome
        }
      }
      switch outcome {
      case .bytes: continue
      case .wouldBlock: return
      case .ended, .failed:
        self = nil
        return
      }
    }
  }
}
