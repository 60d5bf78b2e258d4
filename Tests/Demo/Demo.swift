import Glibc
import TestSupport

/// Plays two conversations with the programs as built, and prints what each of them showed: the seed's, and one of people with
/// names.
@main
struct Demo {
  static func main() {
    do {
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

  private static func show(_ heading: String, _ lines: [String]) {
    print("--- \(heading) ---")
    for line in lines { print(line) }
    print()
  }
}
