import ArgumentParser
import ChatLoad
import ChatWire
import Glibc
import TestSupport

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares mychatserver with other servers on this machine.",
    discussion: """
      Starts mychatserver, redis-server, nats-server, ngircd and ncat, one at a time and each on a free port, and puts the \
      same loads on them: bursts in rooms of 2 to 5,000, and a room of 100 where more and more is said. Servers that are not \
      installed are left out. Writes bench.md, cost.svg and latency.svg, and each run as a line of JSON in runs.jsonl. \
      Takes about ten minutes; leave the machine alone meanwhile.

      Exit status: 0 if mychatserver came through all of it without a flaw, 1 if not, 64 for bad usage.
      """)

  @Option(help: ArgumentHelp("Where the results go.", valueName: "directory"))
  var output = ".build/bench"

  @Option(help: ArgumentHelp("The mychatserver to measure. (default: the one beside this program)", valueName: "path"))
  var server: String?

  @Option(help: "How often each load is put on each server; the median counts.")
  var rounds = 3

  func validate() throws {
    if !(1...100).contains(rounds) { throw ValidationError("--rounds must be from 1 to 100.") }
    do { _ = try serverPath() } catch { throw ValidationError("\(error)") }
  }

  private func serverPath() throws -> String {
    guard let server else { return try Program.built("mychatserver") }
    guard access(server, X_OK) == 0 else {
      throw TestFailure("\(server) cannot be started; build it, or give another with --server.")
    }
    return server
  }

  func run() throws {
    var benchmark = Benchmark(directory: output, server: try serverPath())
    benchmark.rounds = rounds
    let bar = ProgressBar()
    let isClean: Bool
    do throws(LoadFailure) {
      isClean = try benchmark.run(
        say: { line in
          bar.clear()
          StandardOutput.write(line + "\n")
        }, onProgress: bar.show)
    } catch {
      bar.clear()
      StandardOutput.report(error: "\(error)")
      throw ExitCode.failure
    }
    StandardOutput.write("The results are in \(output): bench.md, cost.svg, latency.svg, runs.jsonl\n")
    if !isClean { throw ExitCode.failure }
  }
}
