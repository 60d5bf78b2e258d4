import ChatWire
import Glibc

extension ServerConnection {
  /// How long a connection that broke may take to come back: ssh has to agree on keys, and the host to start a shell.
  private static let sshTimeout = Duration.seconds(30)

  /// Connects for the first time.
  /// - Parameters:
  ///   - deadline: does not count for ssh, which may have to ask a person.
  ///   - manner: who waits for ssh.
  static func openFirst(
    to destination: Destination, until deadline: Moment, _ manner: SSHProcess.Manner
  ) throws(ConnectionFailure) -> ServerConnection {
    switch destination {
    case .direct(let address): try open(to: address, until: deadline)
    case .ssh(let address): try open(through: address, manner)
    }
  }

  /// Connects again, in the background.
  /// - Parameter words: what ssh said if it could not; may be empty.
  static func openAgain(
    to destination: Destination, until deadline: Moment, unless stop: Wakeup, words: inout [UInt8]
  ) -> ServerConnection? {
    switch destination {
    case .direct(let address): try? open(to: address, until: deadline, unless: stop)
    case .ssh(let address): reopen(through: address, unless: stop, words: &words)
    }
  }

  /// Starts ssh, shows what it says, and lets it ask.
  private static func open(
    through address: SSHAddress, _ manner: SSHProcess.Manner
  ) throws(ConnectionFailure) -> ServerConnection {
    let terminal = ControllingTerminal()
    do {
      let calls = try Wakeup()
      // The handler of signals writes to it until they are noted no more.
      defer { withExtendedLifetime(calls) {} }
      return try open(through: address, manner, on: terminal, calls)
    } catch let error as SystemCallError {
      throw ConnectionFailure(Wording.cannotStartSSH(because: error))
    } catch let failure as ConnectionFailure {
      throw failure
    } catch { throw ConnectionFailure("\(error)") }
  }

  private static func open(
    through address: SSHAddress, _ manner: SSHProcess.Manner, on terminal: borrowing ControllingTerminal,
    _ calls: Wakeup
  ) throws -> ServerConnection {
    var signals = TerminalSignals(calling: calls, noting: TerminalSignals.ending)
    defer { signals.stopNoting() }
    var beginning = try SSHBeginning(address, manner)
    while true {
      let outcome = beginning.awaitRelay(until: .never, unless: calls.descriptor) { lines in
        // ssh may have asked on the terminal before its word of what was wrong could be shown.
        let isAsking = terminal.hidesKeys && isatty(STDERR_FILENO) == 1
        StandardOutput.write(
          isAsking ? [UInt8(ascii: "\n")] + lines + Array(Wording.sshStillAsks.utf8) : lines, to: STDERR_FILENO)
      }
      switch outcome {
      case .ready: return beginning.connection()
      case .ended(let exit):
        terminal.restoreModes()
        throw ConnectionFailure(
          Wording.cannotConnect(through: address, because: exit), isTold: exit == .status(Relay.unavailable))
      case .stopped:
        calls.clear()
        guard let signal = TerminalSignals.ending.first(where: { $0 != SIGALRM && signals.take($0) }) else { continue }
        // Behind the `^C` of the terminal, unless keys are hidden: then ssh begins a row.
        let isRowOpen = !terminal.hidesKeys && isatty(STDERR_FILENO) == 1
        beginning.giveUp()
        terminal.restoreModes()
        guard signal == SIGINT else {
          signals.stopNoting()
          // The default action ends the process by the signal, as the parent expects.
          Glibc.signal(signal, SIG_DFL)
          raise(signal)
          continue
        }
        if isRowOpen { StandardOutput.write("\n", to: STDERR_FILENO) }
        throw ConnectionFailure(Wording.gaveUp(address))
      }
    }
  }

  private static func reopen(
    through address: SSHAddress, unless stop: Wakeup, words: inout [UInt8]
  ) -> ServerConnection? {
    words = []
    do {
      var beginning = try SSHBeginning(address, .nobody)
      var said: [UInt8] = []
      let outcome = beginning.awaitRelay(until: .now + sshTimeout, unless: stop.descriptor) { said += $0 }
      switch outcome {
      case .ready: return beginning.connection()
      case .ended(let exit):
        if said.isEmpty { said = Array("\(Wording.cannotConnect(through: address, because: exit))\n".utf8) }
      case .stopped: beginning.giveUp()
      }
      words = said
    } catch { words = Array("\(Wording.cannotStartSSH(because: error))\n".utf8) }
    return nil
  }
}
