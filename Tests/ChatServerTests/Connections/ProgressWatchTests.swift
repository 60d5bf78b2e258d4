import ChatWire
import Testing

@testable import ChatServer

@Suite(.timeLimit(.minutes(10))) struct ProgressWatchTests {
  private static let limits = ProgressWatch.Limits(silent: .seconds(30), stalled: .seconds(300))
  private static let start = Moment(nanoseconds: 0)

  private func check(
    _ watch: inout ProgressWatch, sent: Int, unacknowledged: Int, isBlocked: Bool = true, atSecond second: Int,
    isAnswering: Bool
  ) -> ProgressWatch.Finding {
    watch.check(
      sent: sent, unacknowledged: unacknowledged, isBlocked: isBlocked, at: Self.start + .seconds(second),
      every: .seconds(1), limits: Self.limits, isAnswering: { isAnswering })
  }

  @Test func `A machine that answers nothing is given up after the short limit`() {
    var watch = ProgressWatch(startingAt: Self.start)
    #expect(check(&watch, sent: 10, unacknowledged: 10, atSecond: 29, isAnswering: false) != .givenUp)
    #expect(check(&watch, sent: 10, unacknowledged: 10, atSecond: 30, isAnswering: false) == .givenUp)
  }

  @Test func `A machine that answers has the long limit`() {
    var watch = ProgressWatch(startingAt: Self.start)
    #expect(check(&watch, sent: 10, unacknowledged: 10, atSecond: 299, isAnswering: true) != .givenUp)
    #expect(check(&watch, sent: 10, unacknowledged: 10, atSecond: 300, isAnswering: true) == .givenUp)
  }

  @Test func `Every byte taken begins the limit anew`() {
    var watch = ProgressWatch(startingAt: Self.start)
    #expect(check(&watch, sent: 10, unacknowledged: 9, atSecond: 29, isAnswering: false) != .givenUp)
    #expect(check(&watch, sent: 10, unacknowledged: 9, atSecond: 58, isAnswering: false) != .givenUp)
    #expect(check(&watch, sent: 10, unacknowledged: 9, atSecond: 59, isAnswering: false) == .givenUp)
  }

  @Test func `When all has arrived nothing is watched any more`() {
    var watch = ProgressWatch(startingAt: Self.start)
    #expect(check(&watch, sent: 10, unacknowledged: 0, isBlocked: false, atSecond: 1, isAnswering: true) == .allArrived)
    let again = Self.start + .seconds(2)
    #expect(check(&watch, sent: 10, unacknowledged: 0, atSecond: 1, isAnswering: true) == .checkAgain(at: again))
  }
}
