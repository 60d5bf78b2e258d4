import ChatWire
import Glibc
import TestSupport
import Testing

/// What a server takes from `--state-directory` and `--operator-token-file` when it starts.
@Suite(.timeLimit(.minutes(10))) struct StateTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("file")
  }

  @Test func `A state directory is made, is refused where it cannot be, and belongs to one server`() throws {
    let state = directory.file("state")
    let server = try ServerProgram(options: ["--state-directory", state])
    var status = stat()
    #expect(stat(state, &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(try ServerProgram.refusal(of: ["--state-directory", state]).contains("another server uses it"))
    try server.stop()
    try append("", to: path)
    #expect(try ServerProgram.refusal(of: ["--state-directory", path]).contains("it is no directory"))
    #expect(
      try ServerProgram.refusal(of: ["--state-directory", "/proc/mychat"]).hasPrefix(
        "[ERROR] Cannot use '/proc/mychat'"))
    #expect(try ServerProgram.refusal(of: ["--state-directory", "/proc"]).hasPrefix("[ERROR] Cannot use '/proc'"))
    #expect(
      try ServerProgram.refusal(of: ["--state-directory", directory.file("a/b")]).contains("no such file or directory"))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can try it as somebody else"))
  func `A state directory that may not be written to is refused`() throws {
    let state = directory.file("state")
    mkdir(state, 0o755)
    chmod(directory.path, 0o755)
    let server = try Program(
      try Program.found("setpriv"),
      ["--reuid=65534", "--clear-groups", try Program.built("mychatserver"), "0", "--state-directory", state])
    #expect(try server.waitForExit() == .status(1))
    #expect(
      server.errorLines
        == [
          "[ERROR] Cannot use '\(state)' for the bans: no permission. Give this program's user access to it, or choose another path."
        ])
  }

  @Test func `A damaged ban is reported by its line in the log and on standard error, and kept aside`() throws {
    let state = directory.file("state")
    mkdir(state, 0o700)
    try append("# mychat bans\nname mallory for ev", to: state + "/bans")
    let server = try ServerProgram(options: ["--state-directory", state])
    try server.stop()
    let report =
      "[BANS] \(state)/bans: line 2 cannot be used, and was moved to \(state)/bans.damaged: \"name mallory for ev\""
    #expect(server.program.outputLines.first == report)
    #expect(server.program.errorLines == [report])
  }

  @Test func `A token that others may read is refused, and the server says what to do`() throws {
    try append("correct horse\n", to: path)
    chmod(path, 0o640)
    #expect(try ServerProgram.refusal(of: ["--operator-token-file", path]).contains("Run: chmod 600 '\(path)'"))
    chmod(path, 0o600)
    let server = try ServerProgram(options: ["--operator-token-file", path])
    try server.stop()
    #expect(!String(decoding: server.program.output, as: UTF8.self).contains("horse"))
  }
}
