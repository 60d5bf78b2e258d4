import ArgumentParser
import ChatLoad
import ChatWire
import Glibc

extension Dialect: ExpressibleByArgument {}

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Puts one load on one server (default).",
    discussion: """
      Opens --receivers connections, lets --senders of them say lines, and looks at every line that every receiver gets: \
      none may be lost, doubled, torn or out of order.

      Bursts: --window lines may be on their way at once; this shows what the server can do. A paced load: --rate lines \
      a second, come what may; this shows how long a line takes. Few busy, many idle: many --receivers, few \
      --senders and a low --rate; everybody in a room hears everything, so the idle are those who only listen.

      Exit status: 0 if all lines arrived once, whole and in order; 1 if not, or if the server failed; 64 for bad usage.
      """)

  @Argument(help: "Where the server is: PORT, HOST, HOST:PORT, [IPV6]:PORT or unix:PATH.")
  var address = Address.standard.description

  @Option(name: .customLong("protocol"), help: "What the server speaks: line (mychat), redis, nats or irc.")
  var dialect = Load.standard.dialect

  @Option(help: "Connections that hear the room.")
  var receivers = Load.standard.receivers

  @Option(help: "How many of them also send. (Redis: so many more connections, as a subscriber may not publish.)")
  var senders = Load.standard.senders

  @Option(help: "Lines to send in all.")
  var lines = Load.standard.lines

  @Option(help: "Bytes of a line, its newline counted.")
  var bytes = Load.standard.bytes

  @Option(help: "Lines that may be on their way to the slowest receiver. (default: 256, without --rate)")
  var window: Int?

  @Option(
    help: ArgumentHelp("Lines to send each second, however long the server takes.", valueName: "lines-per-second"))
  var rate: Double?

  @Option(help: "The server's process, to report its CPU time and memory.")
  var pid: Int32?

  @Option(help: ArgumentHelp("How long connecting, and then the lines, may take.", valueName: "seconds"))
  var timeout = Load.standard.timeout

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  func validate() throws {
    if window != nil, rate != nil { throw ValidationError("--window and --rate exclude each other; give one of them.") }
    if let problem = try load().problem { throw ValidationError(problem) }
  }

  private func load() throws -> Load {
    let parsed: Address
    do throws(AddressError) { parsed = try Address(parsing: address) } catch {
      throw ValidationError(error.description)
    }
    var load = Load.standard
    load.address = parsed
    load.dialect = dialect
    load.receivers = receivers
    load.senders = senders
    load.lines = lines
    load.bytes = bytes
    load.pace = rate.map { .rate($0) } ?? window.map { .window($0) } ?? load.pace
    load.process = pid
    load.timeout = timeout
    return load
  }

  func run() throws {
    let load = try load()
    let bar = ProgressBar()
    let report: Report
    do throws(LoadFailure) {
      defer { bar.clear() }
      report = try measure(load, onProgress: bar.show)
    } catch {
      StandardOutput.report(error: "\(error)")
      throw ExitCode.failure
    }
    StandardOutput.write(json ? report.json + "\n" : report.table)
    if let failure = report.failure { StandardOutput.report(error: failure) }
    if !report.isClean { throw ExitCode.failure }
  }
}
