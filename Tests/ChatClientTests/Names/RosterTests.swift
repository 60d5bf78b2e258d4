import ChatClient
import ChatWire
import Synchronization
import Testing

private let question = "\t \t\n"

/// A roster that takes lines as from a server, and records what it sends.
private final class Rehearsal: Sendable {
  private final class Sent: Sendable { let text = Mutex("") }

  let roster: Roster
  private let record: Sent

  init(wanting name: String? = nil, as ownName: String = "54321", showsMentions: Bool = false) {
    let record = Sent()
    self.record = record
    roster = Roster(
      ownName: Array(ownName.utf8), wanting: name.map { Array($0.utf8) }, keepsNames: true, showsMentions: showsMentions
    ) { lines in
      record.text.withLock { $0 += String(decoding: lines, as: UTF8.self) }
    }
  }

  /// What was sent since this was last asked.
  var sent: String {
    record.text.withLock { text in
      defer { text = "" }
      return text
    }
  }

  /// - Returns: those of `lines` that are shown.
  @discardableResult func hears(_ lines: String...) -> [String] {
    lines.filter { roster.take(ServerLine(Array($0.utf8)[...])) }
  }

  var ownName: String { String(decoding: roster.ownName, as: UTF8.self) }

  func note(_ command: String) throws { roster.note(try Command(Array(command.utf8).span)) }

  /// Which of the names that begin with `word` Tab knows.
  func known(_ word: String) -> [String] {
    switch roster.completion(of: Array(word.utf8)) {
    case .none: []
    case .adding(let rest, _): [word + String(decoding: rest, as: UTF8.self)]
    case .several(let names): names.map { String(decoding: $0, as: UTF8.self) }
    }
  }
}

@Suite(.timeLimit(.minutes(10))) struct RosterTests {
  @Test func `Nothing is asked before somebody wants a name`() {
    let rehearsal = Rehearsal()
    rehearsal.roster.introduce()
    rehearsal.hears("9: hi", "* 9 is now bob")
    #expect(rehearsal.sent == "" && rehearsal.roster.silenceMoment == .never)
    #expect(rehearsal.roster.ask() != nil)
    #expect(rehearsal.sent == question)
  }

  @Test func `Where mentions are shown and one's own name is not known, it is asked for on each connection`() {
    let rehearsal = Rehearsal(as: "", showsMentions: true)
    rehearsal.roster.introduce()
    #expect(rehearsal.sent == question && rehearsal.roster.silenceMoment == .never)
    rehearsal.hears("* Here: alice, alice/2, bob.")
    #expect(rehearsal.ownName == "alice" && rehearsal.sent == "")
    #expect(rehearsal.known("al") == ["alice/2"])
    rehearsal.roster.disconnected()
    let greeting = rehearsal.roster.greeting()
    #expect(String(decoding: greeting, as: UTF8.self) == question)
    rehearsal.roster.reconnected(as: [], greeting: greeting)
    rehearsal.hears("* Here: alice/2, alice.")
    #expect(rehearsal.ownName == "alice/2" && rehearsal.sent == "")

    let onPort = Rehearsal(showsMentions: true)
    onPort.roster.introduce()
    #expect(onPort.sent == "" && onPort.roster.greeting() == [])
  }

  @Test func `The answer is not shown, and tells own name and all others`() {
    let rehearsal = Rehearsal()
    _ = rehearsal.roster.ask()
    let shown = rehearsal.hears("* Here: alice, bob", "* 3 lines skipped", "* Here: carol, Борис.")
    #expect(shown == ["* 3 lines skipped"])
    #expect(rehearsal.ownName == "alice")
    #expect(rehearsal.known("c") == ["carol"] && rehearsal.known("б") == ["борис"])
    #expect(!rehearsal.roster.isAwaited())
  }

  @Test func `One's own name is not completed`() {
    let rehearsal = Rehearsal()
    _ = rehearsal.roster.ask()
    rehearsal.hears("* Here: 54321, 54322.")
    #expect(rehearsal.known("5432") == ["54322"] && rehearsal.known("54321") == [])
    rehearsal.hears("* 54321 is now alice")
    #expect(rehearsal.known("a") == [])
  }

  @Test func `An answer that nobody asked for is shown`() {
    let rehearsal = Rehearsal()
    let line = "* Here: mallory, bob."
    #expect(rehearsal.hears(line) == [line])
    _ = rehearsal.roster.ask()
    #expect(rehearsal.hears("* Here: alice.", line) == [line])
    #expect(rehearsal.ownName == "alice" && rehearsal.known("m") == [])
  }

  @Test func `Names follow what is told`() {
    let rehearsal = Rehearsal()
    _ = rehearsal.roster.ask()
    rehearsal.hears("* Here: 54321, bob, carol.")
    rehearsal.hears("* bob is now robert", "* dave, eve joined", "* carol left", "frank: hi", "[action] gina waves")
    rehearsal.hears("[private] hans: psst", "[21:03] ivan: earlier")
    #expect(rehearsal.known("b") == [] && rehearsal.known("c") == [] && rehearsal.known("i") == [])
    let known = ["r", "d", "e", "f", "g", "h"].flatMap(rehearsal.known)
    #expect(known == ["robert", "dave", "eve", "frank", "gina", "hans"])
  }

  @Test func `Own name follows one's own renames only`() {
    let rehearsal = Rehearsal()
    rehearsal.hears("* 5432 is now x", "* 54321 is now alice", "* 54321 is now mallory")
    #expect(rehearsal.ownName == "alice")
    rehearsal.hears("bob: * alice is now y")
    #expect(rehearsal.ownName == "alice")
  }

  @Test func `A fresh answer is not asked for again, nor a question repeated`() {
    let rehearsal = Rehearsal()
    let start = Moment.now
    #expect(rehearsal.roster.ask(at: start) == start + .seconds(1))
    #expect(rehearsal.roster.ask(at: start + .milliseconds(500)) == start + .seconds(1))
    #expect(rehearsal.roster.ask(at: start + .seconds(60)) == nil)
    #expect(rehearsal.sent == question)
    rehearsal.hears("* Here: 54321.")
    #expect(rehearsal.roster.ask() == nil && rehearsal.sent == "")
    #expect(rehearsal.roster.ask(at: .now + .seconds(6)) != nil && rehearsal.sent == question)
  }

  @Test func `A server without newlines is not asked`() {
    let rehearsal = Rehearsal()
    rehearsal.roster.servedWithoutNewlines()
    #expect(rehearsal.roster.ask() == nil && rehearsal.sent == "")
  }

  @Test func `A wanted name is asked for once the server has answered`() {
    let rehearsal = Rehearsal(wanting: "alice")
    rehearsal.roster.introduce()
    #expect(rehearsal.sent == question)
    rehearsal.hears("* Here: 54321, bob.")
    #expect(rehearsal.sent == "/nick alice\n")
    rehearsal.hears("* 54321 is now alice")
    _ = rehearsal.roster.ask(at: .now + .seconds(6))
    rehearsal.hears("* Here: alice, bob.")
    #expect(rehearsal.sent == question)
  }

  @Test func `The answer is awaited until the name is asked for, so that no line goes out before that`() {
    let awaited = Mutex<[Bool]>([])
    let roster = Mutex<Roster?>(nil)
    let asking = Roster(ownName: Array("54321".utf8), wanting: Array("alice".utf8), keepsNames: false) { _ in
      if let isAwaited = roster.withLock({ $0?.isAwaited() }) { awaited.withLock { $0.append(isAwaited) } }
    }
    roster.withLock { $0 = asking }
    asking.introduce()
    _ = asking.take(ServerLine(Array("* Here: 54321, bob.".utf8)[...]))
    #expect(awaited.withLock { $0 } == [true, true])
    #expect(!asking.isAwaited())
  }

  @Test func `A name that one has is not asked for`() {
    let rehearsal = Rehearsal(wanting: "alice")
    rehearsal.roster.introduce()
    rehearsal.hears("* Here: alice.")
    #expect(rehearsal.sent == question)
  }

  @Test func `A server that does not answer is told of once`() {
    let rehearsal = Rehearsal(wanting: "alice")
    rehearsal.roster.introduce()
    #expect(rehearsal.roster.isAwaited() && !rehearsal.roster.takeSilence())
    let later = Moment.now + .seconds(5)
    #expect(!rehearsal.roster.isAwaited(at: later))
    #expect(rehearsal.roster.takeSilence(at: later) && !rehearsal.roster.takeSilence(at: later))
  }

  @Test func `A server that has lost its link to others is not taken for one that does not know names`() {
    let rehearsal = Rehearsal(wanting: "alice")
    rehearsal.roster.introduce()
    rehearsal.hears("* The link to the other servers is down; what you send waits.")
    let later = Moment.now + .seconds(60)
    #expect(rehearsal.roster.isAwaited(at: later) && !rehearsal.roster.takeSilence(at: later))
    rehearsal.hears("* The link to the other servers is back.")
    #expect(rehearsal.roster.isAwaited() && !rehearsal.roster.isAwaited(at: later))
    #expect(rehearsal.roster.takeSilence(at: later))
  }

  @Test func `Of a server that went before it could answer, nothing is told`() {
    let rehearsal = Rehearsal(wanting: "alice")
    rehearsal.roster.introduce()
    rehearsal.roster.disconnected()
    #expect(!rehearsal.roster.isAwaited() && !rehearsal.roster.takeSilence(at: .now + .seconds(5)))
  }

  @Test func `An answer that comes late counts`() {
    let rehearsal = Rehearsal(wanting: "alice")
    rehearsal.roster.introduce()
    _ = rehearsal.roster.takeSilence(at: .now + .seconds(5))
    #expect(rehearsal.hears("* Here: 54321.") == [] && rehearsal.sent == question + "/nick alice\n")
  }

  @Test func `After a connection was lost, a server that has answered gets name and ignored ones at once`() throws {
    let rehearsal = Rehearsal(wanting: "alice")
    rehearsal.roster.introduce()
    #expect(String(decoding: rehearsal.roster.greeting(), as: UTF8.self) == question)
    rehearsal.hears("* Here: 54321.", "* 54321 is now alice")
    for command in ["/ignore bob", "/ignore Carol", "/ignore dave", "/unignore bob", "/ignore dave"] {
      try rehearsal.note(command)
    }
    rehearsal.roster.disconnected()
    #expect(rehearsal.roster.ask() == nil)
    let greeting = rehearsal.roster.greeting()
    #expect(String(decoding: greeting, as: UTF8.self) == question + "/nick alice\n/ignore Carol\n/ignore dave\n")
    _ = rehearsal.sent
    rehearsal.roster.reconnected(as: Array("54399".utf8), greeting: greeting)
    #expect(rehearsal.ownName == "54399")
    rehearsal.hears("* Here: 54399.", "* 54399 is now alice")
    #expect(rehearsal.sent == "" && rehearsal.ownName == "alice")
  }

  @Test func `Whoever wants nothing sends nothing after a connection was lost`() {
    let rehearsal = Rehearsal()
    _ = rehearsal.roster.ask()
    rehearsal.hears("* Here: 54321.")
    #expect(rehearsal.roster.greeting().isEmpty)
  }

  @Test func `An answer without end needs no memory without end`() {
    let rehearsal = Rehearsal()
    _ = rehearsal.roster.ask()
    for number in 0..<500 {
      let names = (0..<100).map { "n\(number)-\($0)" }.joined(separator: ", ")
      #expect(rehearsal.hears("* Here: \(names)") == [])
    }
    rehearsal.hears("* Here: last.")
    #expect(rehearsal.known("n199-99") == ["n199-99"] && rehearsal.known("n200-") == [])
  }
}
