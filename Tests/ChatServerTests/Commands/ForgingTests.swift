import ChatServer
import ChatWire
import Glibc
import TestSupport
import Testing

/// Every kind of server, with peers that end their lines and peers that do not.
private let allWays = ServerKind.allCases.flatMap { kind in [true, false].map { (kind, $0) } }

@Suite(.timeLimit(.minutes(10))) struct ForgingTests {
  @Test(arguments: allWays)
  func `No member makes a line that looks like the server's or another member's`(
    kind: ServerKind, endsLines: Bool
  ) throws {
    let scene = try Scene(kind)
    for attempt in ForgingAttempt.all { try scene.judge(attempt, endsLines: endsLines) }
    try scene.judgeEarlierLines()
    let logged = scene.server.logged + scene.otherServer.logged
    #expect(logged.allSatisfy { $0.hasPrefix("[") && !$0.contains("\r") }, "the log has a line of its own making")
    #expect(ForgingAttempt.all.count >= 40)
  }

  @Test(arguments: allWays)
  func `What a member says of being away stays a part of the server's answer`(
    kind: ServerKind, endsLines: Bool
  ) throws {
    let server = try RunningServer(kind)
    let (alice, mallory) = (try server.peer(), try server.peer())
    try server.settle()
    for text in [
      "x\r* forged", "x\u{85}* forged", "x\u{2028}bob: forged", "\u{202E}x", "a is now b", "x, y joined",
      "that was not sent.",
      "that was not sent",
    ] {
      try mallory.send("/away \(text)" + (endsLines ? "\n" : ""))
      try mallory.expect("* You are away. /away alone says that you are back.")
      try alice.send("/msg \(mallory.localPort) hi\n/who\n")
      _ = try mallory.expectLine()
      for _ in 0..<4 {
        let line = ServerLine(Array(try alice.expectLine().utf8)[...])
        #expect(line.kind == .notice && hasNoControls(line.bytes))
        #expect(Notice(parsing: line.text) == nil && !Notice.isRefusal(line.text), "\(shown(line.bytes))")
      }
    }
    try mallory.send("bye" + (endsLines ? "\n" : ""))
    try alice.expect("\(mallory.localPort): bye")
  }
}

/// A room with alice, who is to be deceived, and cope, whose name can be written in other letters. Alice hears all; then cope
/// says that an attempt is over. Where the room is shared, whoever attempts something is at another server.
private final class Scene {
  let server: RunningServer
  let otherServer: RunningServer
  private let alice, cope: Dialogue
  private var attempts = 0
  /// Every public line that alice heard.
  private var heard: [[UInt8]] = []

  init(_ kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.quietInterval = .milliseconds(10) }
    self.server = server
    otherServer =
      kind == .shared
      ? try RunningServer(kind) {
        $0.quietInterval = .milliseconds(10)
        $0.redis = server.redis
      } : server
    (alice, cope) = (try server.peer(), try server.peer())
    try server.settle()
    try alice.send("/nick alice\n")
    try cope.expect("* \(alice.localPort) is now alice")
    try cope.send("/nick cope\n")
    try cope.expect("* \(cope.localPort) is now cope")
    heard = try lines(upTo: "* \(cope.localPort) is now cope")
  }

  /// What alice hears, up to the line `last`.
  private func lines(upTo last: String) throws -> [[UInt8]] {
    let end = Array("\(last)\n".utf8)
    try eventually("alice to hear \(last)") { try alice.peek().suffix(end.count) == end[...] }
    let bytes = try alice.peek()
    _ = try alice.receiveOnce()
    return bytes.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
  }

  func judge(_ attempt: ForgingAttempt, endsLines: Bool) throws {
    let mallory = try otherServer.peer()
    try otherServer.settle()
    // Whoever has sent a newline ends all its lines so.
    if endsLines { try mallory.send("\n") }
    for step in attempt.steps {
      switch step {
      case .send(let bytes): try mallory.send(bytes)
      case .pause: _ = poll(nil, 0, 30)
      case .endMessage:
        if endsLines { try mallory.send("\n") } else { _ = poll(nil, 0, 30) }
      case .awaitAnswer: _ = try mallory.expectLine()
      }
    }
    try mallory.finishSending()
    _ = try mallory.receiveAll()
    attempts += 1
    try cope.send("done \(attempts)\n")
    let lines = try lines(upTo: "cope: done \(attempts)")
    var name = "\(mallory.localPort)"
    for line in lines.dropLast() {
      if let fault = fault(in: line, from: &name, attempt) { Issue.record("\(attempt.what): \(fault), \(shown(line))") }
    }
    if endsLines, attempt.isHeard, lines.count == 1 { Issue.record("\(attempt.what): nothing of it was heard") }
    heard += lines.filter { ServerLine($0[...]).kind != .privateLine }
  }

  /// What is wrong with a line that came because of mallory; nil if it is one that mallory may say.
  private func fault(in bytes: [UInt8], from name: inout String, _ attempt: ForgingAttempt) -> String? {
    guard hasNoControls(bytes[...]) else { return "it has a control character or is no text" }
    let line = ServerLine(bytes[...])
    switch line.kind {
    case .message, .action, .privateLine:
      return line.name?.elementsEqual(name.utf8) == true ? nil : "it is not mallory's"
    case .notice:
      guard case .renamed(let old, let new)? = Notice(parsing: line.text), "\(old)" == name, "\(new)" == attempt.newName
      else { return "the server seems to say it" }
      name = "\(new)"
      return nil
    case .earlier: return "it seems to be of before"
    }
  }

  /// `/last` shows each line as it was heard, behind its time.
  func judgeEarlierLines() throws {
    try alice.send("/last 1000\n")
    // The answer comes before what is said after the question.
    try eventually("the answer to begin") { try !alice.peek().isEmpty }
    try cope.send("end\n")
    let lines = try lines(upTo: "cope: end").dropLast().map { ServerLine($0[...]) }
    #expect(lines.count == heard.count)
    for (line, expected) in zip(lines, heard) {
      #expect(line.kind == .earlier && line.repeated?.bytes == expected[...], "\(shown(line.bytes))")
    }
  }
}

/// Whether these are well-formed text without anything that ends a line somewhere, or turns it around.
private func hasNoControls(_ bytes: ArraySlice<UInt8>) -> Bool {
  guard let text = String(validating: bytes, as: UTF8.self) else { return false }
  return text.unicodeScalars.allSatisfy { scalar in
    switch scalar.value {
    case 0x09: true
    case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: false
    default: true
    }
  }
}
