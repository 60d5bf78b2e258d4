import Glibc
import TestSupport

/// Plays two conversations with the programs as built, and prints what each of them showed: the seed's, and one of people with
/// names. With `--cluster` it is the seed's alone, over three servers that share a room through Redis.
@main
struct Demo {
  static func main() {
    do {
      if CommandLine.arguments.dropFirst().first == "--cluster" { return try playOnThreeServers() }
      let play = try SeedRehearsal()
      show("Server", play.server)
      for (index, lines) in play.clients.enumerated() { show("Client \(index + 1) (port \(play.ports[index]))", lines) }
      let second = try NamesRehearsal()
      for (name, lines) in zip(NamesRehearsal.names, second.screens) { show("mychatclient --name \(name)", lines) }
    } catch {
      print("The demo did not come to its end: \(error)")
      exit(EXIT_FAILURE)
    }
  }

  /// The last comes when the terminal is closed.
  private static let stopSignals = [SIGINT, SIGTERM, SIGHUP]

  private static func playOnThreeServers() throws {
    // These end the demo in order, so that all that it has started ends too, and its files go.
    var stops = sigset_t()
    sigemptyset(&stops)
    for signal in stopSignals { sigaddset(&stops, signal) }
    pthread_sigmask(SIG_BLOCK, &stops, nil)
    let play = try ClusterRehearsal(staysOpen: true)
    for (index, lines) in play.serverLines.enumerated() { show("Server \(index + 1)", lines) }
    for (index, lines) in play.clients.enumerated() {
      show("Client \(index + 1) (port \(play.ports[index])), at server \(index + 1)", lines)
    }
    guard isatty(STDIN_FILENO) == 1 else {
      print("On a terminal, the three servers stay until Enter is pressed, and can be joined.")
      return try play.end()
    }
    print("All three servers are one room. Join it at any of them, each in a terminal of its own:\n")
    for invitation in try play.invitations { print("  \(invitation)") }
    print("\nPress Enter to end the servers and Redis.")
    fflush(nil)
    waitForEnterOrSignal { play.readWhatServersPrint() }
    try play.end()
  }

  private static func waitForEnterOrSignal(meanwhile act: () -> Void) {
    var pending = sigset_t()
    while sigpending(&pending) == 0, !stopSignals.contains(where: { sigismember(&pending, $0) == 1 }) {
      var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      if poll(&entry, 1, 100) > 0 { return }
      act()
    }
  }

  private static func show(_ heading: String, _ lines: [String]) {
    print("--- \(heading) ---")
    for line in lines { print(line) }
    print()
  }
}
