import ChatWire
import Glibc
import TestSupport
import Testing

@testable import ChatServer

struct LoginDirectoryTests {
  private let start = Moment(nanoseconds: 1_000_000_000)
  private let alice = AccountQuestion.login(of: 1001)
  private let bob = AccountQuestion.user(named: "bob")
  private let found = AccountAnswer.found(login: Array("alice".utf8), userID: 1001)

  @Test func `What is asked twice is looked up once, one question at a time`() {
    var directory = LoginDirectory()
    for _ in 0..<2 { #expect(directory.ask(alice, at: start) == nil) }
    #expect(directory.ask(bob, at: start) == nil)
    #expect(directory.next() == alice)
    #expect(directory.next() == nil)
    #expect(directory.ask(alice, at: start) == nil)
    #expect(directory.take(found, at: start) == alice)
    #expect(directory.next() == bob)
    #expect(directory.take(.absent, at: start) == bob)
    #expect(directory.next() == nil)
    #expect(directory.take(.absent, at: start) == nil)
  }

  @Test func `Logins are looked up before names`() {
    var directory = LoginDirectory()
    for question in [bob, .user(named: "carol"), alice] { #expect(directory.ask(question, at: start) == nil) }
    for question in [alice, bob, .user(named: "carol")] {
      #expect(directory.next() == question)
      #expect(directory.take(.absent, at: start) == question)
    }
  }

  @Test(arguments: [.absent, .failed, .found(login: [1], userID: 7)] as [AccountAnswer])
  func `An answer holds for five minutes, whatever it is`(answer: AccountAnswer) {
    var directory = LoginDirectory()
    #expect(directory.ask(alice, at: start) == nil)
    #expect(directory.next() == alice)
    #expect(directory.take(answer, at: start) == alice)
    #expect(directory.ask(alice, at: start + .seconds(299)) == answer)
    #expect(directory.next() == nil)
    #expect(directory.ask(alice, at: start + .seconds(300)) == nil)
    #expect(directory.next() == alice)
  }

  @Test func `What nobody waits for any more is not looked up, but what is under way is kept`() {
    var directory = LoginDirectory()
    for question in [alice, bob] { #expect(directory.ask(question, at: start) == nil) }
    #expect(directory.next() == alice)
    for question in [alice, bob] { directory.withdraw(question) }
    #expect(directory.take(found, at: start) == alice)
    #expect(directory.next() == nil)
    #expect(directory.ask(alice, at: start) == found)
    for _ in 0..<2 {
      #expect(directory.ask(bob, at: start) == nil)
      directory.withdraw(bob)
    }
    #expect(directory.ask(bob, at: start) == nil)
    #expect(directory.next() == bob)
    #expect(directory.next() == nil)
  }

  @Test func `Not more answers are kept than there is memory for`() {
    var directory = LoginDirectory()
    for number in 0...UInt32(LoginDirectory.capacity) {
      #expect(directory.ask(.login(of: number), at: start) == nil)
      #expect(directory.next() == .login(of: number))
      _ = directory.take(.absent, at: start)
    }
    #expect(directory.ask(.login(of: 0), at: start) == nil)
    #expect(directory.ask(.login(of: UInt32(LoginDirectory.capacity)), at: start) == .absent)
  }

  @Test func `The system knows its users by number and by name`() throws {
    #expect(AccountQuestion.login(of: 0).answerOfSystem == .found(login: Array("root".utf8), userID: 0))
    #expect(AccountQuestion.user(named: "root").answerOfSystem == .found(login: Array("root".utf8), userID: 0))
    for name in ["nobody here", "", "root:x", String(repeating: "r", count: 10_000)] {
      #expect(AccountQuestion.user(named: name).answerOfSystem == .absent)
    }
    #expect(AccountQuestion.login(of: 3_999_999_999).answerOfSystem == .absent)
  }

  @Test func `The kernel tells whose process connected`() throws {
    let directory = try TemporaryDirectory()
    let address = try #require(try Address.unix(path: directory.file("s")).resolved().first)
    let listener = try FileDescriptor.socket(for: address)
    try listener.bind(to: address)
    try listener.listen(backlog: 1)
    let peer = try FileDescriptor.socket(for: address)
    try peer.connect(to: address)
    let accepted = FileDescriptor(owning: accept(listener.number, nil, nil))
    #expect(try accepted.peerUserID() == geteuid())
    peer.close()
    #expect(try accepted.peerUserID() == geteuid())
  }
}
