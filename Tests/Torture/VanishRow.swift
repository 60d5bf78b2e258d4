import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let vanishedMachine = Row(
    7, "a machine vanishes (veth down), idle, in mid-line, and with lines on their way to it",
    asked: "found within 32 s"
  ) { _, outcome in
    let network = try Network()
    let quiet = try ServerUnderTest(["--allow-remote"], listening: "\(network.host):0")
    let busy = try ServerUnderTest(["--allow-remote"], listening: "\(network.host):0")
    let idle = try network.connect(to: quiet.port, saying: "")
    let midLine = try network.connect(to: quiet.port, saying: "\\nhalf a li")
    let hearer = try network.connect(to: busy.port, saying: "")
    try quiet.settle(at: 2)
    let swarm = try Swarm(connectingTo: busy.address(host: network.host))
    let speaker = try swarm.add()
    try busy.settle(at: 2)
    try network.cut()
    let start = monotonicNanoseconds()
    swarm.say("is anybody there?\n".utf8, by: speaker)
    var found: [String: Double] = [:]
    try eventually("the vanished machine to be noticed; \(found)", within: .seconds(60)) {
      let seconds = Double(monotonicNanoseconds() - start) / 1e9
      let lost = quiet.logged("[CONNECTION LOST]")
      if lost >= 1, found["first"] == nil { found["first"] = seconds }
      if lost >= 2, found["second"] == nil { found["second"] = seconds }
      if busy.logged("[CONNECTION LOST]") >= 1, found["busy"] == nil { found["busy"] = seconds }
      return found.count == 3
    }
    withExtendedLifetime([idle, midLine, hearer]) {}
    let words = ["first", "second", "busy"].map { (found[$0] ?? .infinity).rounded(to: 1) }
    // The kernel asks four times in 30 s, and each of its timers may be up to 0.26 s late (ticks of 4 ms, in blocks of 64).
    outcome.check(
      found.values.allSatisfy { $0 <= 32 },
      "idle and in mid-line after \(words[0]) and \(words[1]) s, with a line on its way after \(words[2]) s")
  }
}
