import ChatWire
import Glibc
import TestSupport

/// A program `ssh` in a directory that comes first in PATH. It does what a test has it do, and then runs the remote command here.
final class FakeSSH {
  private let directory: TemporaryDirectory

  /// - Parameter script: for bash, which leaves the signals blocked that it finds blocked. `$1` is the remote command, `$SSH` the directory of `file`, and `remote` runs the command.
  init(_ script: String = "remote") throws {
    directory = try TemporaryDirectory()
    let path = directory.file("ssh")
    try write(
      """
      #!/bin/bash
      SSH='\(directory.path)'
      printf '%s\\n' "$@" >> "$SSH/arguments"
      while [ "$1" != -- ]; do shift; done
      shift 2
      remote() { exec $command; }
      command=$1
      \(script)

      """, to: path, mode: 0o755)
  }

  /// Where the script leaves something, or finds it.
  func file(_ name: String) -> String { directory.file(name) }

  /// What a client has to be given to find this ssh, and the relay.
  var environment: [String: String] {
    get throws {
      let programs = try Program.built("mychatclient").split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
      return ["PATH": "\(directory.path):\(programs):/usr/bin:/bin"]
    }
  }

  /// The arguments of each start so far.
  var arguments: [String] {
    text(ofFile: file("arguments")).split(separator: "\n", omittingEmptySubsequences: false).map(String.init).dropLast()
  }

  func client(_ arguments: [String]) throws -> Program {
    try Program(built: "mychatclient", arguments, environment: environment)
  }

  func client(_ arguments: [String], on terminal: Pty) throws -> Program {
    try Program(built: "mychatclient", arguments, environment: environment, on: terminal)
  }
}
