import Glibc

/// A network namespace behind a pair of virtual Ethernet devices, removed when this is released. Needs root; one at a time in
/// a process.
package final class Network {
  /// This machine's address on it; the namespace passes for another machine.
  package let host: String
  /// The other machine's.
  package let guest: String
  private let name: String
  private static let tool = "/usr/sbin/ip"

  /// Whether this machine allows it.
  package static let isAllowed = (try? Network()) != nil

  package init() throws {
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
  package func connect(to port: UInt16, saying text: String) throws -> Program {
    try Program(
      Self.tool,
      ["netns", "exec", name, "bash", "-c", "exec 3<>/dev/tcp/\(host)/\(port); printf '\(text)' >&3; exec sleep 120"],
      input: .nothing)
  }

  /// Gives this machine one more address on it, of IPv6 with the length of its prefix, as in `fd00::1/64`.
  package func add(_ address: String) throws {
    try run("addr", "add", address, "dev", name, "nodad")
    // It is of no use until the kernel has noticed that the device is up, which a busy machine does later.
    try eventually("\(address) to be usable") {
      let list = try Program(Self.tool, ["-6", "addr", "show", "dev", name, "tentative"], input: .nothing)
      try list.waitForExit()
      return list.output.isEmpty
    }
  }

  package func cut() throws { try run("link", "set", name, "down") }
  package func mend() throws { try run("link", "set", name, "up") }

  /// How a program is started on the other machine.
  package func command(_ path: String, _ arguments: [String]) -> (path: String, arguments: [String]) {
    (Self.tool, ["netns", "exec", name, path] + arguments)
  }

  private func run(_ arguments: String...) throws {
    let program = try Program(Self.tool, arguments, input: .nothing)
    guard try program.waitForExit() == .status(0) else {
      throw TestFailure("ip \(arguments.joined(separator: " ")): \(program.errorLines.joined(separator: " "))")
    }
  }
}
