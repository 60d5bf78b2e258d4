import ChatWire
import Glibc
import TestSupport
import Testing

/// The two logins that `with-two-logins` makes for a run.
enum Logins {
  static let areThere = variable("MYCHAT_SSH_PERSON") != nil && geteuid() == 0
  /// Whose account at the host is used.
  static let host = variable("MYCHAT_SSH_HOST_LOGIN") ?? ""
  static let password = variable("MYCHAT_SSH_PASSWORD") ?? ""
  /// Who sits at the terminal.
  static let person = variable("MYCHAT_SSH_PERSON") ?? ""

  private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  static func home(of login: String) throws -> String {
    guard let home = getpwnam(login)?.pointee.pw_dir else { throw TestFailure("there is no login \(login)") }
    return String(cString: home)
  }

  /// The processes of `login`: their ids by the program's name.
  static func processes(of login: String) throws -> [(pid: pid_t, name: String)] {
    let ps = try Program(Program.found("ps"), ["-o", "pid=,comm=", "-u", login])
    try ps.waitForExit()
    return ps.outputLines.compactMap { line in
      let parts = line.split(separator: " ", maxSplits: 1)
      return parts.count == 2 ? pid_t(parts[0]).map { ($0, String(parts[1])) } : nil
    }
  }

  /// Runs a program of the system to its end.
  @discardableResult
  static func run(_ name: String, _ arguments: [String]) throws -> [String] {
    let program = try Program(Program.found(name), arguments)
    guard try program.waitForExit() == .status(0) else {
      throw TestFailure("\(name) \(arguments.joined(separator: " ")): \(program.errorLines)")
    }
    return program.outputLines
  }
}
