import ChatWire
import Glibc
import TortureSupport

/// Does to several servers with one room what machines and networks do, and prints what was measured beside what was asked.
@main
struct MyChatCluster {
  private static let usage = """
    usage: mychatcluster [--small] [--server PATH] [ROW...]   (all but the soak, row 10, by default)
           mychatcluster bench [DIRECTORY]                    (growth from 1 to 4 servers)
    """

  static func main() {
    var words = CommandLine.arguments.dropFirst()
    guard words.first == "bench" else { runRows(Row.all, besides: [Row.soak], usage: usage) }
    words.removeFirst()
    raiseDescriptorLimit()
    ignoreBrokenPipes()
    do { try GrowthBench(directory: words.first ?? ".build/cluster-bench").run() } catch {
      print("The benchmark did not come to its end: \(error)")
      exit(EXIT_FAILURE)
    }
  }
}

extension Row {
  static let all = [
    seedOnThree, everybodyOnThree, redisAway, killedServer, stoppedInMidTurn, lostHistory, stalledServer,
    contestedNames,
    redisRefusing, soak, latency, growth,
  ]
}
