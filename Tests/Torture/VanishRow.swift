import Glibc
import TestSupport

extension Row {
  static let vanishedMachine = Row(
    7, "a machine vanishes (veth down), idle, in mid-line, and with lines on their way to it",
    asked: "found within 31 s"
  ) { _, outcome in
    let network = try Network()
    let quiet = try ServerUnderTest(listening: "\(network.host):0")
    let busy = try ServerUnderTest(listening: "\(network.host):0")
    let idle = try network.connect(to: quiet.port, saying: "")
    let midLine = try network.connect(to: quiet.port, saying: "\\nhalf a li")
    let hearer = try network.connect(to: busy.port, saying: "")
    try quiet.settle(at: 2)
    let swarm = try Swarm(connectingTo: busy.address(host: network.host))
    let speaker = try swarm.add()
    try busy.settle(at: 2)
    try network.cut()
    let start = nanoseconds()
    swarm.say("is anybody there?\n".utf8, by: speaker)
    var found: [String: Double] = [:]
    try eventually("the vanished machine to be noticed; \(found)", within: .seconds(60)) {
      let seconds = Double(nanoseconds() - start) / 1e9
      let lost = quiet.logged("[CONNECTION LOST]")
      if lost >= 1, found["first"] == nil { found["first"] = seconds }
      if lost >= 2, found["second"] == nil { found["second"] = seconds }
      if busy.logged("[CONNECTION LOST]") >= 1, found["busy"] == nil { found["busy"] = seconds }
      return found.count == 3
    }
    withExtendedLifetime([idle, midLine, hearer]) {}
    let words = ["first", "second", "busy"].map { (found[$0] ?? .infinity).rounded(to: 1) }
    outcome.check(
      found.values.allSatisfy { $0 <= 31 },
      "idle and in mid-line after \(words[0]) and \(words[1]) s, with a line on its way after \(words[2]) s")
  }
}

/// A network namespace behind a pair of virtual Ethernet devices, gone when its owner lets go. It takes root.
private final class Network {
  let host: String
  private let guest: String
  private let name: String
  private static let tool = "/usr/sbin/ip"

  init() throws {
    let number = Int(getpid()) % 250
    name = "mychat\(number)"
    host = "10.251.\(number).1"
    guest = "10.251.\(number).2"
    guard getuid() == 0 else { throw Skipped(reason: "a network namespace takes root") }
    guard access(Self.tool, X_OK) == 0 else { throw Skipped(reason: "ip is not installed (Debian: iproute2)") }
    do {
      try run("netns", "add", name)
      try run("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
      try run("addr", "add", "\(host)/30", "dev", name)
      try run("link", "set", name, "up")
      try run("-n", name, "addr", "add", "\(guest)/30", "dev", "eth0")
      try run("-n", name, "link", "set", "eth0", "up")
    } catch { throw Skipped(reason: "no network namespace here: \(error)") }
  }

  deinit {
    try? run("link", "del", name)
    try? run("netns", "del", name)
  }

  /// A peer on the other machine that says `text` (as printf(1) has it) and then nothing.
  func connect(to port: UInt16, saying text: String) throws -> Program {
    try Program(
      Self.tool,
      ["netns", "exec", name, "bash", "-c", "exec 3<>/dev/tcp/\(host)/\(port); printf '\(text)' >&3; exec sleep 120"],
      input: .nothing)
  }

  func cut() throws { try run("link", "set", name, "down") }

  private func run(_ arguments: String...) throws {
    let program = try Program(Self.tool, arguments, input: .nothing)
    guard try program.waitForExit() == .status(0) else {
      throw TestFailure("ip \(arguments.joined(separator: " ")): \(program.errorLines.joined(separator: " "))")
    }
  }
}
