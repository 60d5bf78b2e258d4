import ChatWire
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct MomentTests {
  @Test func `What is left of a moment is whole milliseconds, rounded up, so that a wait of them is not too short`() {
    #expect(Moment.never.millisecondsForPoll == -1)
    #expect(Moment.now.millisecondsForPoll == 0)
    #expect(Moment(nanoseconds: 0).millisecondsForPoll == 0)
    #expect((1...60_000).contains((Moment.now + .seconds(60)).millisecondsForPoll))
    #expect((Moment.now + .seconds(1 << 32)).millisecondsForPoll == .max)
    let soon = Moment.now + .microseconds(1500)
    while !soon.hasPassed { #expect(poll(nil, 0, soon.millisecondsForPoll) == 0) }
  }

  @Test func `Waiting ends at the deadline, and at once when there is something to read`() throws {
    let pipe = try Pipe()
    let start = Moment.now
    var isReadable = pipe.readEnd.wait(for: POLLIN, until: start + .milliseconds(20))
    #expect(!isReadable)
    #expect(start.distance(to: .now) >= .milliseconds(20))
    #expect("x".utf8.withBytes { pipe.writeEnd.write($0) } == .bytes(1))
    isReadable = pipe.readEnd.wait(for: POLLIN)
    #expect(isReadable)
  }
}
