import TortureSupport

/// Runs rows at full size and prints what was measured beside what was asked.
@main
struct MyChatTorture {
  private static let usage =
    "usage: mychattorture [--small] [--server PATH] [ROW...]   (all but the soak, row 19, by default)"

  static func main() {
    runRows(Row.all, besides: [Row.soak], usage: usage)
  }
}

extension Row {
  package static let all =
    crowdRows + [
      resets, stalledReaders, stoppedPeer, vanishedMachine, everybodyTalks, goodbyes, noNewline, byteASecond,
    ]
    + [floods, droppedTogether, failingCalls, restarts, hostileServer, randomActors, soak, killedTranscript]
    + [whoIsHere, whoWhileTalking, privateLines, namesAtRandom, takeOvers]
}
