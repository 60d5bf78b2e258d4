import ChatServer
import Glibc
import TestSupport
import Testing

/// Heavy traffic is tested one test at a time, or the machine's two cores are all that is tested.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct OrderTests {
  @Test(arguments: ServerKind.allCases)
  func `Fifty members who all talk at once each hear every line of the others once, untorn, in one order`(
    kind: ServerKind
  )
    throws
  {
    let (speakers, linesEach) = (50, isSanitized ? 200 : 1000)
    // A busy machine may keep this thread, which reads for all, from running for more than the usual patience.
    let server = try RunningServer(kind) { $0.patience = .seconds(60) }
    let (heard, skipped) = try letEverybodyTalk(
      members: speakers, lines: linesEach, lengths: 1...2000, at: server.addresses[0]
    ) { count in
      try eventually("all to be in the room") {
        server.logged.count { $0.hasPrefix("[NEW CONNECTION]") } == count
      }
    }
    #expect(heard == speakers * (speakers - 1) * linesEach)
    #expect(skipped == 0)
  }
}
