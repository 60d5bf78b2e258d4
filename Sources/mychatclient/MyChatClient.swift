import ArgumentParser
import ChatClient
import ChatWire
import Glibc

@main
struct MyChatClient: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mychatclient",
    abstract: "Join a line chat.",
    discussion: """
      What you type is sent line by line; what others say appears above the line you are typing. Type 'exit', \
      or press Ctrl-D on an empty line, to leave.

      Arrow keys bring back earlier lines, Ctrl-C clears the line. Editing is libedit's, and ~/.editrc is read.

      Without a terminal, lines are read from standard input until it ends, and what the server sends is written to \
      standard output: printf 'hi\\n' | mychatclient

      Exit status: 0 when left on purpose, 1 when there is no connection or it was lost, 64 for wrong usage.
      """,
    version: "1.0.0")

  @Argument(
    help: ArgumentHelp(
      "Where the server is: PORT, HOST, HOST:PORT, [IPV6]:PORT or unix:PATH. (default: \(Address.standard))",
      valueName: "address"))
  var address: String?

  @Option(help: ArgumentHelp("Show TEXT before the line you type.", valueName: "text"))
  var prompt = ""

  private func serverAddress() throws -> Address {
    guard let address else { return .standard }
    do { return try Address(parsing: address) } catch { throw ValidationError(error.description) }
  }

  mutating func run() throws {
    throw ExitCode(Client.run(connectingTo: try serverAddress(), prompt: prompt))
  }

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      // Wrong usage is one line on standard error, without the synopsis that the parser would add.
      if exitCode(for: error) == .validationFailure {
        let text = message(for: error).split(separator: "\n").joined(separator: " ")
        let stop = text.hasSuffix(".") || text.hasSuffix("?") ? "" : "."
        StandardOutput.writeError(Wording.error("\(text)\(stop) See 'mychatclient --help'."))
        Glibc.exit(ExitCode.validationFailure.rawValue)
      }
      exit(withError: error)
    }
  }
}
