import Glibc
import TestSupport

/// Plays the seed's conversation with the programs as built, and prints what each of them showed.
@main
struct Demo {
  static func main() {
    do {
      let play = try SeedRehearsal()
      show("Server", play.server)
      for (index, lines) in play.clients.enumerated() { show("Client \(index + 1) (port \(play.ports[index]))", lines) }
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
