import ChatWire
import Testing

@testable import ChatServer

/// What commands mean, without a socket.
@Suite struct PeopleTests {
  private var people = People()
  private let alice = Self.token(0)
  private let bob = Self.token(1)
  private let carol = Self.token(2)

  private static func token(_ slot: UInt32) -> Token { Token(slot: slot, generation: 0) }
  private func name(_ text: String) -> MemberName { MemberName(bytes: Array(text.utf8)) }
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  init() {
    for (token, port) in [(alice, 1001), (bob, 1002), (carol, 1003)] {
      _ = people.join(token, port: UInt16(port), host: "127.0.0.1")
    }
    _ = people.rename(alice, to: Array("alice".utf8))
  }

  @Test mutating func `A name is taken, kept, and given back`() {
    #expect(people.rename(bob, to: bytes("bob")) == [.rename(from: name("1002"), to: name("bob"))])
    #expect(people.rename(bob, to: bytes("bob")) == [.reply(.alreadyCalled(name("bob")))])
    #expect(people.rename(bob, to: bytes("alice")) == [.reply(.nameRefused(.taken(suggestion: name("alice2"))))])
    #expect(people.rename(bob, to: nil) == [.rename(from: name("bob"), to: name("1002"))])
    #expect(people.rename(bob, to: nil) == [.reply(.alreadyCalled(name("1002")))])
  }

  @Test mutating func `A private line goes to who has the name, and the last one can be answered`() {
    #expect(people.whisper(bytes("hi"), to: bytes("ALICE"), by: bob) == [.deliver(to: alice, text: bytes("hi"))])
    #expect(people.whisper(bytes("hi"), to: bytes("1001"), by: bob) == [.deliver(to: alice, text: bytes("hi"))])
    #expect(people.whisper(bytes("hi"), to: bytes("dora"), by: bob) == [.reply(.nobodyCalled("dora"))])
    #expect(people.reply(bytes("yes"), by: alice) == [.reply(.nobodyToReplyTo)])
    people.noteDelivered(from: bob, to: alice)
    #expect(people.reply(bytes("yes"), by: alice) == [.deliver(to: bob, text: bytes("yes"))])
    people.leave(bob)
    #expect(people.reply(bytes("yes"), by: alice) == [.reply(.partnerLeft)])
  }

  @Test mutating func `Who is ignored stays so under another name, and so does the next one of that name`() {
    #expect(people.ignore(bytes("1002"), by: alice) == [.hide(bob, from: alice), .reply(.ignoring(name("1002")))])
    #expect(people.ignorers(of: bob) == [alice])
    #expect(people.whisper(bytes("hi"), to: bytes("alice"), by: bob) == [.reply(.ignoresYou(name("alice")))])
    _ = people.rename(bob, to: bytes("bob"))
    #expect(people.ignorers(of: bob) == [alice])
    #expect(people.ignoredNames(of: alice) == ["1002 (now bob)"])
    people.leave(bob)
    #expect(people.ignoredNames(of: alice) == ["1002"])
    // Somebody who takes the name that the ignored one had only later is another person.
    #expect(people.rename(carol, to: bytes("bob")) == [.rename(from: name("1003"), to: name("bob"))])
    #expect(people.ignorers(of: carol).isEmpty)
    let (_, effects) = people.join(Self.token(3), port: 1002, host: "127.0.0.1")
    #expect(effects == [.hide(Self.token(3), from: alice)])
    #expect(
      people.stopIgnoring(bytes("1002"), by: alice) == [.show(Self.token(3), to: alice), .reply(.listensAgain("1002"))])
    #expect(people.stopIgnoring(bytes("1002"), by: alice) == [.reply(.notIgnoring("1002"))])
  }

  @Test mutating func `Who takes a name that was ignored before anybody had it is ignored`() {
    let reply = Effect.reply(.ignoringAbsent(name("Mallory")))
    #expect(people.ignore(bytes("Mallory"), by: alice) == [reply])
    #expect(people.ignore(bytes("mallory"), by: alice) == [.reply(.ignoringAbsent(name("mallory")))])
    #expect(people.ignoredNames(of: alice) == ["Mallory"])
    #expect(people.rename(bob, to: bytes("mallory")).contains(.hide(bob, from: alice)))
    #expect(people.ignorers(of: bob) == [alice])
    #expect(people.ignore(bytes("7"), by: alice) == [.reply(.nobodyHere("7"))])
  }

  @Test mutating func `Nobody ignores without end`() {
    for slot in 10..<UInt32(10 + Profile.maximumIgnored) {
      _ = people.join(Self.token(slot), port: UInt16(2000 + slot), host: "127.0.0.1")
      #expect(people.ignore(bytes("\(2000 + slot)"), by: alice).count == 2)
    }
    #expect(people.ignore(bytes("1002"), by: alice) == [.reply(.tooManyIgnored(maximum: Profile.maximumIgnored))])
  }

  @Test mutating func `Muted members may not speak until their time is over`() {
    #expect(!people.restrictsSpeech)
    people.mute(bob, .until(Moment(nanoseconds: 5_000_000_000)))
    #expect(people.restrictsSpeech)
    #expect(people.refusalToSpeak(bob, at: Moment(nanoseconds: 2_500_000_000)) == .muted(seconds: 3))
    #expect(people.isMuted(bob, at: Moment(nanoseconds: 4_999_999_999)))
    // Whether or not they say something then.
    #expect(!people.isMuted(bob, at: Moment(nanoseconds: 5_000_000_000)))
    #expect(people.refusalToSpeak(alice, at: Moment(nanoseconds: 0)) == nil)
    #expect(people.refusalToSpeak(bob, at: Moment(nanoseconds: 5_000_000_000)) == nil)
    #expect(!people.restrictsSpeech)
    people.mute(bob, .forEver)
    #expect(people.refusalToSpeak(bob, at: Moment(nanoseconds: 9)) == .muted(seconds: nil))
    people.leave(bob)
    #expect(!people.restrictsSpeech)
  }

  @Test mutating func `In slow mode each may say one line in a time, and operators any number`() {
    people.setSlow(seconds: 10)
    let second = { (count: UInt64) in Moment(nanoseconds: count * 1_000_000_000) }
    #expect(people.refusalToSpeak(bob, at: second(1)) == nil)
    // That line had to wait for space in the log.
    #expect(people.refusalToSpeak(bob, at: second(1)) == nil)
    people.noteSaid(bob, at: second(1))
    #expect(people.refusalToSpeak(bob, at: second(2)) == .slow(secondsLeft: 9))
    #expect(people.refusalToSpeak(carol, at: second(2)) == nil)
    #expect(people.refusalToSpeak(bob, at: second(11)) == nil)
    people.makeOperator(alice)
    #expect(people.refusalToSpeak(alice, at: second(1)) == nil)
    people.noteSaid(alice, at: second(1))
    #expect(people.refusalToSpeak(alice, at: second(1)) == nil)
    people.setSlow(seconds: 0)
    #expect(!people.restrictsSpeech)
  }
}
