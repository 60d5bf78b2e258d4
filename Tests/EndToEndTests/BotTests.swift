import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct BotTests {
  /// The lines of the first Python program in the page for people.
  private static func program() throws -> [String] {
    let here = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let lines = text(ofFile: "/\(here)/.readme/commands.md").split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = lines.firstIndex(of: "```python"), let end = lines[start...].firstIndex(of: "```") else {
      throw TestFailure("the page has no Python program")
    }
    return lines[(start + 1)..<end].map(String.init)
  }

  @Test func `The bot of the page tells the time`() throws {
    let server = try ServerProgram()
    let directory = try TemporaryDirectory()
    let program = try Self.program()
    #expect(program.count { !$0.isEmpty } <= 10)
    let source = program.joined(separator: "\n").replacing("12345", with: "\(server.port)")
    try write(source, to: directory.file("bot.py"))
    let person = try Dialogue(port: server.port)
    let bot = try Program(Program.found("python3"), [directory.file("bot.py")])
    #expect(try person.expectLine().hasSuffix(" is now bot"))
    try person.send("/msg bot time\n")
    try person.expect("* Sent to bot.")
    #expect(try person.expectLine().wholeMatch(of: /\[private\] bot: It is \d\d:\d\d\./) != nil)
    try person.send("/msg bot hello\n")
    try person.expect("* Sent to bot.")
    try person.expect("[private] bot: I know only: time")
    // Those that come together are all answered.
    try person.send(String(repeating: "/msg bot hello\n", count: 5))
    let came = try (1...10).map { _ in try person.expectLine() }
    #expect(came.count { $0 == "[private] bot: I know only: time" } == 5)
    bot.signal(SIGTERM)
  }
}
