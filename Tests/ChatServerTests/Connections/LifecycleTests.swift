import ChatWire
import Testing

@testable import ChatServer

/// Every event in every state: what a connection is afterwards, and what the server has to do.
@Suite(.timeLimit(.minutes(10))) struct LifecycleTests {
  static let deadline = Moment(nanoseconds: 7)
  static let reachable = Lifecycle.unreachable(inputIsComplete: true)
  static let torn = Lifecycle.unreachable(inputIsComplete: false)
  static let lingering = Lifecycle.lingering(until: deadline)

  private func expect(
    _ state: Lifecycle, _ event: (inout Lifecycle) -> Lifecycle.Step, _ next: Lifecycle, _ step: Lifecycle.Step,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var state = state
    #expect(event(&state) == step, sourceLocation: sourceLocation)
    #expect(state == next, sourceLocation: sourceLocation)
  }

  @Test func `A member that leaves gets what is due, and one that cannot be reached is closed`() {
    let leave: (inout Lifecycle) -> Lifecycle.Step = { $0.leave() }
    expect(.member, leave, .leaving, .flush)
    expect(Self.reachable, leave, .closed, .close(isLost: false))
    expect(Self.torn, leave, .closed, .close(isLost: false))
    for state in [Lifecycle.leaving, Self.lingering, .closed] { expect(state, leave, state, .nothing) }
  }

  @Test func `When all is sent our side ends, and the peer's end is awaited`() {
    for state in [Lifecycle.member, Self.reachable, Self.torn, Self.lingering, .closed] {
      expect(state, { $0.allIsSent(inputHasEnded: false, lingeringUntil: Self.deadline) }, state, .nothing)
    }
    expect(
      .leaving, { $0.allIsSent(inputHasEnded: false, lingeringUntil: Self.deadline) }, Self.lingering,
      .shutDownSending(until: Self.deadline))
    expect(
      .leaving, { $0.allIsSent(inputHasEnded: true, lingeringUntil: Self.deadline) }, .closed, .close(isLost: false))
  }

  @Test(arguments: [
    // ended in order, input has ended, held: is there more to say?
    (true, false, false, true), (true, false, true, true), (true, true, true, true), (true, true, false, false),
    (false, false, false, true), (false, false, true, false), (false, true, false, false), (false, true, true, false),
  ])
  func `A member that cannot be written to is read to its end if it may have more to say`(
    endedInOrder: Bool, inputHasEnded: Bool, isHeld: Bool, isRead: Bool
  ) {
    let fail: (inout Lifecycle) -> Lifecycle.Step = {
      $0.sendingFailed(endedInOrder: endedInOrder, inputHasEnded: inputHasEnded, isHeld: isHeld)
    }
    if isRead {
      expect(.member, fail, .unreachable(inputIsComplete: endedInOrder), .readToEnd)
    } else {
      expect(.member, fail, .closed, .close(isLost: true))
    }
    for state in [Self.reachable, Self.torn] { expect(state, fail, .closed, .close(isLost: true)) }
    for state in [Lifecycle.leaving, Self.lingering] { expect(state, fail, .closed, .close(isLost: false)) }
    expect(.closed, fail, .closed, .nothing)
  }

  @Test func `The end of the input ends the message, unless the stream was torn`() {
    let end: (inout Lifecycle) -> Lifecycle.Step = { $0.inputEnded() }
    expect(.member, end, .member, .endMessageAndLeave)
    expect(Self.reachable, end, Self.reachable, .endMessageAndLeave)
    expect(Self.torn, end, .closed, .close(isLost: true))
    expect(Self.lingering, end, .closed, .close(isLost: false))
    for state in [Lifecycle.leaving, .closed] { expect(state, end, state, .nothing) }
  }

  @Test func `Only the loss of somebody who has not left is told`() {
    let lose: (inout Lifecycle) -> Lifecycle.Step = { $0.lose() }
    for state in [Lifecycle.member, Self.reachable, Self.torn] { expect(state, lose, .closed, .close(isLost: true)) }
    for state in [Lifecycle.leaving, Self.lingering] { expect(state, lose, .closed, .close(isLost: false)) }
    expect(.closed, lose, .closed, .nothing)
  }
}
