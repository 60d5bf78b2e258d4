import ChatServer
import ChatWire
import Dispatch
import Glibc
import Synchronization
import TestSupport
import Testing

/// Accounts that a test makes up. All peers of a test are its own process's user.
private final class Accounts: Sendable {
  private let login: String?
  private let others: [String]
  private let questions = Mutex<[AccountQuestion]>([])
  /// Held while the system does not answer.
  private let gate = DispatchSemaphore(value: 1)

  /// - Parameters:
  ///   - login: of this process's user; nil for none.
  ///   - others: logins of others.
  init(_ login: String?, others: [String] = []) {
    self.login = login
    self.others = others
  }

  var asked: [AccountQuestion] { questions.withLock { $0 } }
  func hang() { gate.wait() }
  func answer() { gate.signal() }

  func lookUp(_ question: AccountQuestion) -> AccountAnswer {
    questions.withLock { $0.append(question) }
    gate.wait()
    defer { gate.signal() }
    switch question {
    case .login(let userID): return login.map { .found(login: Array($0.utf8), userID: userID) } ?? .absent
    case .user(let name): return others.contains(name) ? .found(login: Array(name.utf8), userID: 54_399) : .absent
    }
  }
}

/// A server on a port and on a Unix socket, with accounts of the test's own.
private struct Scene {
  let directory: TemporaryDirectory
  let server: RunningServer

  init(_ kind: ServerKind, _ accounts: Accounts, _ configure: (inout Configuration) -> Void = { _ in }) throws {
    let directory = try TemporaryDirectory()
    server = try RunningServer(kind) {
      $0.addresses.append(.unix(path: directory.file("s")))
      $0.lookUpAccount = { accounts.lookUp($0) }
      // A busy machine may answer late.
      $0.accountPatience = .seconds(3600)
      configure(&$0)
    }
    self.directory = directory
    if kind == .shared { try server.waitForRoom() }
  }

  /// A peer on the Unix socket.
  func local() throws -> Dialogue { try Dialogue(connectingTo: server.addresses[1]) }

  /// One that is in the room under this name.
  func local(_ name: String) throws -> Dialogue {
    let peer = try local()
    try peer.ask("/nick", "* You are \(name) already.")
    return peer
  }

  /// A peer on the port, in the room.
  func other() throws -> Dialogue {
    let peer = try Dialogue(connectingTo: server.addresses[0])
    try peer.ask("/nick", "* You are \(peer.localPort) already.")
    return peer
  }
}

extension Dialogue {
  fileprivate func ask(_ line: String, _ answers: String...) throws {
    try send(line + "\n")
    for answer in answers { try expect(answer) }
  }
}

private let isKept = "* That name belongs to a login of this machine."

@Suite(.timeLimit(.minutes(10))) struct IdentityDialogueTests {
  @Test(arguments: ServerKind.allCases)
  func `Members on a Unix socket are called by their login, and found by it`(kind: ServerKind) throws {
    let accounts = Accounts("alice")
    let scene = try Scene(kind, accounts)
    let (a, b, c) = (try scene.local("alice"), try scene.local("alice/2"), try scene.other())
    try a.send("hi\n")
    for peer in [b, c] { try peer.expect("alice: hi") }
    try b.send("/me waves\n")
    for peer in [a, c] { try peer.expect("[action] alice/2 waves") }
    try c.ask("/msg ALICE psst", "* Sent to alice.")
    try a.expect("[private] \(c.localPort): psst")
    try c.ask("/msg alice/2 pssst", "* Sent to alice/2.")
    try b.expect("[private] \(c.localPort): pssst")
    try b.send("/nick carol\n")
    for peer in [a, b, c] { try peer.expect("* alice/2 is now carol") }
    try c.ask("/who", "* 3 people are here:")
    for start in ["* alice, login, since ", "* carol, login alice, since ", "* \(c.localPort), 127.0.0.1:"] {
      #expect(try c.expectLine().hasPrefix(start))
    }
    try c.ask("\t \t", "* Here: \(c.localPort), alice, carol.")
    try b.send("/nick\n")
    for peer in [a, b, c] { try peer.expect("* carol is now alice/2") }
    #expect(accounts.asked.count { $0 == .login(of: geteuid()) } == 1)
    try scene.server.waitForLog("[NEW CONNECTION] ('unix:\(scene.directory.file("s"))', alice) connected.")
  }

  @Test(arguments: ServerKind.allCases)
  func `Nobody takes a login by any spelling, whether or not it is here`(kind: ServerKind) throws {
    let scene = try Scene(kind, Accounts("alice", others: ["root", "Bob"]))
    let (a, c) = (try scene.local("alice"), try scene.other())
    for name in ["alice", "ALICE", "аӏісе", "root", "Root", "гоот", "Bob"] { try c.ask("/nick \(name)", isKept) }
    try a.ask("/nick root", isKept)
    for name in ["alice/2", "alice:", "*alice"] {
      try c.send("/nick \(name)\n")
      #expect(try c.expectLine().hasPrefix("* A name "))
    }
    try c.ask("/nick uid-\(geteuid())", "* Names such as uid-1000 are kept for logins. Choose another one.")
    try c.send("alice: hi\n")
    try a.expect("\(c.localPort): alice: hi")
    a.close()
    try eventually("alice to leave") { scene.server.logged.contains { $0.hasPrefix("[DISCONNECTED]") } }
    try c.ask("/nick alice", isKept)
    // What comes behind a name that is looked up keeps its place.
    let d = try scene.other()
    try c.send("/nick carol\nhi\n/nick dave\nho\n")
    for line in ["* \(c.localPort) is now carol", "carol: hi", "* carol is now dave", "dave: ho"] { try d.expect(line) }
  }

  @Test func `A login that comes gets its name from whoever chose it, or one that looks the same`() throws {
    let scene = try Scene(.alone, Accounts("alice"))
    let (c, d) = (try scene.other(), try scene.other())
    try c.send("/nick аӏісе\n")
    for peer in [c, d] { try peer.expect("* \(c.localPort) is now аӏісе") }
    let a = try scene.local("alice")
    try d.expect("* аӏісе is now \(c.localPort)")
    let told = Set([try c.expectLine(), try c.expectLine()])
    #expect(
      told == [
        "* аӏісе is now \(c.localPort)", "* That name belongs to a login of this machine; it was taken from you.",
      ])
    try a.send("hi\n")
    for peer in [c, d] { try peer.expect("alice: hi") }
    try c.send("ho\n")
    try a.expect("\(c.localPort): ho")
  }

  @Test(arguments: [nil, "a b", "server", "1001"]) func `A user without a login that could be a name is a number`(
    login: String?
  ) throws {
    let scene = try Scene(.alone, Accounts(login))
    let one = try scene.local("uid-\(geteuid())")
    let two = try scene.local("uid-\(geteuid())/2")
    try one.send("hi\n")
    try two.expect("uid-\(geteuid()): hi")
  }

  @Test(arguments: ServerKind.allCases)
  func `While the system does not answer those who are here talk on`(kind: ServerKind) throws {
    let accounts = Accounts("alice")
    let scene = try Scene(kind, accounts)
    accounts.hang()
    let (c, d, e) = (try scene.other(), try scene.other(), try scene.other())
    let (a, b) = (try scene.local(), try scene.local())
    for peer in [a, b] { try peer.send("hi\n") }
    try c.send("/nick carol\nho\n")
    try eventually("the question") { !accounts.asked.isEmpty }
    try d.send("meanwhile\n")
    for peer in [c, e] { try peer.expect("\(d.localPort): meanwhile") }
    accounts.answer()
    let heard = Set(try (0..<4).map { _ in try e.expectLine() })
    #expect(heard == ["alice: hi", "alice/2: hi", "* \(c.localPort) is now carol", "carol: ho"])
    #expect(accounts.asked.count { $0 == .login(of: geteuid()) } == 1)
  }

  @Test func `If the system does not answer in time a peer is a number, and a name is not given`() throws {
    let accounts = Accounts("alice")
    let scene = try Scene(.alone, accounts) { $0.accountPatience = .milliseconds(100) }
    accounts.hang()
    let c = try scene.other()
    let a = try scene.local("uid-\(geteuid())")
    let b = try scene.local("uid-\(geteuid())/2")
    for _ in 0..<2 { try c.ask("/nick carol", "* That name could not be checked; try again later.") }
    try c.send("ho\n")
    for peer in [a, b] { try peer.expect("\(c.localPort): ho") }
    // None was asked twice, and what was waited for in vain not at all.
    #expect(accounts.asked == [.login(of: geteuid())])
    accounts.answer()
    // What comes late is good for those who come next.
    try eventually("the late answer") {
      let next = try scene.local()
      try next.send("/nick\n")
      return try next.expectLine() == "* You are alice already."
    }
    try eventually("the name to be given") {
      try c.send("/nick carol\n")
      return try c.expectLine() == "* \(c.localPort) is now carol"
    }
  }

  @Test func `Who has gone before it is known who it is comes and goes, and harms nobody`() throws {
    let accounts = Accounts("alice")
    let scene = try Scene(.alone, accounts)
    accounts.hang()
    let a = try scene.local()
    try eventually("the question") { !accounts.asked.isEmpty }
    try a.reset()
    accounts.answer()
    try eventually("it to come and go") { scene.server.logged.contains { $0.hasPrefix("[DISCONNECTED]") } }
    _ = try scene.local("alice")
  }

  @Test func `A server that stops lets nobody in whom it does not know yet`() throws {
    let accounts = Accounts("alice")
    let scene = try Scene(.alone, accounts)
    accounts.hang()
    let a = try scene.local()
    let c = try scene.other()
    try c.send("/nick carol\nlast words\n")
    try eventually("the question") { !accounts.asked.isEmpty }
    #expect(scene.server.stop())
    try a.expectClosed()
    accounts.answer()
    #expect(!scene.server.logged.contains { $0.contains("('unix:") && $0.hasPrefix("[NEW") })
  }

  @Test func `Those who wait for their names have places`() throws {
    let accounts = Accounts("alice")
    let scene = try Scene(.alone, accounts) {
      $0.maximumMembers = 2
    }
    let c = try scene.other()
    accounts.hang()
    let a = try scene.local()
    try eventually("the question") { !accounts.asked.isEmpty }
    for index in 0...1 {
      let late = try Dialogue(connectingTo: scene.server.addresses[index])
      try late.expect("* Server is full")
      try late.expectClosed()
    }
    accounts.answer()
    try a.ask("hi")
    try c.expect("alice: hi")
  }

  @Test(arguments: ServerKind.allCases) func `Who may keep order by login need not say a word`(kind: ServerKind) throws
  {
    let scene = try Scene(kind, Accounts("alice")) { $0.operators = ["alice"] }
    let c = try scene.other()
    try c.ask("/op open-sesame", "* The operators of this server are known by their logins.")
    let a = try scene.local()
    try a.expect("* You are an operator now. /help lists what you can do.")
    try a.send("/kick \(c.localPort)\n")
    try c.expect("* You were kicked by alice.")
    try scene.server.waitForLog("[OPERATOR] alice is an operator now")
  }

  @Test func `A login that is banned stays out under every name`() throws {
    let directory = try TemporaryDirectory()
    let token = directory.file("token")
    try write("open-sesame\n", to: token, mode: 0o600)
    let scene = try Scene(.alone, Accounts("alice")) { $0.operatorTokenFile = token }
    let (a, c) = (try scene.local("alice"), try scene.other())
    try c.ask("/op open-sesame", "* You are an operator now. /help lists what you can do.")
    let b = try scene.local("alice/2")
    try c.ask("/ban alice/2", "* alice/2 is only a connection of alice. Ban the login: /ban alice")
    try a.send("/nick bob\n")
    for peer in [a, b, c] { try peer.expect("* alice is now bob") }
    try c.send("/ban alice\n")
    for peer in [a, b] { try peer.expect("* You are banned here.") }
    let again = try scene.local()
    try again.expect("* You are banned here.")
    try again.expectClosed()
  }

  @Test func `A user's number can be banned`() throws {
    let directory = try TemporaryDirectory()
    let token = directory.file("token")
    try write("open-sesame\n", to: token, mode: 0o600)
    let scene = try Scene(.alone, Accounts(nil)) { $0.operatorTokenFile = token }
    let (a, c) = (try scene.local("uid-\(geteuid())"), try scene.other())
    try c.ask("/op open-sesame", "* You are an operator now. /help lists what you can do.")
    try c.send("/ban uid-\(geteuid())\n")
    try a.expect("* You are banned here.")
    try scene.local().expect("* You are banned here.")
  }
}
