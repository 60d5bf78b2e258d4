import ArgumentParser
import ChatClient
import ChatWire
import Glibc

extension Options.Colours: ExpressibleByArgument {}

@main
struct ClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mychatclient",
    abstract: "Join a line chat.",
    discussion: """
      What you type is sent line by line; what others say appears above the line you are typing. Type 'exit', \
      or press Ctrl-D on an empty line, to leave.

      Arrow keys bring back earlier lines, those of earlier sessions too, and Ctrl-R searches them. Tab completes \
      commands and names, Ctrl-C clears the line, and /help shows more. Editing is libedit's, and ~/.editrc is read.

      Options that you want always go into $XDG_CONFIG_HOME/mychat/client (~/.config/mychat/client), one long option a line; \
      --send and --relay do without them.

      Without a terminal, lines are read from standard input until it ends, and what the server sends is written to \
      standard output: printf 'hi\\n' | mychatclient

      Exit status: 0 when left on purpose; 1 when there is no connection, it was lost, the server did not confirm the goodbye, \
      or what comes cannot be written; 64 for wrong usage.
      """,
    version: "1.0.0")

  @Argument(
    help: ArgumentHelp(
      "Where the server is: PORT, HOST, HOST:PORT, [IPV6]:PORT, unix:PATH or ssh://[USER@]HOST[:PORT][/PATH]. (default: \(Address.standard))",
      valueName: "address"))
  var address: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Ask the server to call you NAME, each time you connect.", valueName: "name"))
  var name: String?

  // The next argument is the text, even if it looks like an option.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Show TEXT before the line you type: %n in it is your name, %F{green} a colour until %f, %B bold until %b, %% a percent sign.",
      valueName: "text"))
  var prompt = ""

  @Option(
    help: ArgumentHelp(
      "Colour names and mark mentions: auto (on a terminal, unless NO_COLOR is set), always or never.",
      valueName: "when"))
  var color = Options.Colours.auto

  @Flag(help: "Show the time before each line.")
  var timestamps = false

  @Flag(help: "Ring the terminal's bell when somebody mentions you.")
  var bell = false

  @Flag(help: "Write no escape sequences and redraw nothing: for screen readers and simple terminals.")
  var plain = false

  @Flag(help: "Write one JSON object for each received line.")
  var json = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Send TEXT as one line, and leave once the server has it.", valueName: "text"))
  var send: String?

  @Option(
    help: ArgumentHelp("Add what is said, with its time, to the end of FILE.", valueName: "file"),
    completion: .file())
  var log: String?

  @Option(
    help: ArgumentHelp(
      "Keep lines for later sessions in FILE. (default: ~/.local/state/mychat/history)", valueName: "file"),
    completion: .file())
  var history: String?

  @Option(help: ArgumentHelp("Keep at most N lines in the history.", valueName: "n"))
  var historySize = Options().historyLines

  @Flag(help: "Keep no lines for later sessions.")
  var noHistory = false

  @Flag(help: "Send pasted blocks of any length without asking.")
  var noPasteGuard = false

  @Flag(help: "When the connection breaks, connect again.")
  var reconnect = false

  @Flag(
    help: """
      For ssh: connect standard input and output to the room whose socket's path is given as the address, \
      or to the only one in \(Relay.directory).
      """)
  var relay = false

  mutating func validate() throws {
    if relay { return try validateRelay() }
    if history != nil && noHistory { throw ValidationError("Give --history or --no-history, not both.") }
    guard (1...1_000_000).contains(historySize) else {
      throw ValidationError("--history-size takes a number from 1 to 1000000; for no history, give --no-history.")
    }
    if let name { try Self.validate(name: name) }
    do { _ = try Prompt(parsing: prompt) } catch { throw ValidationError(error.description) }
    guard let send else { return }
    let others = [
      (json, "--json"), (plain, "--plain"), (reconnect, "--reconnect"), (bell, "--bell"), (timestamps, "--timestamps"),
      (log != nil, "--log"),
    ]
    if let other = others.first(where: \.0) {
      throw ValidationError("--send shows nothing and leaves at once, so \(other.1) has no meaning with it.")
    }
    if send.utf8.contains(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
      throw ValidationError("--send takes one line; for several, write them to standard input.")
    }
    let bytes = Array(send.utf8)
    switch ClientLine(bytes.span) {
    case .blank, .rosterRequest: throw ValidationError("--send has nothing to send; give it a TEXT.")
    case .exit: throw ValidationError("--send exit would only leave, and send nothing; give it another TEXT.")
    case .command:
      if case .action = try? Command(bytes.span) { break }
      throw ValidationError("--send sends a line to everybody; it takes no command but /me TEXT.")
    case .message, .escaped: break
    }
  }

  private func validateRelay() throws {
    let others = [
      (name != nil, "--name"), (!prompt.isEmpty, "--prompt"), (timestamps, "--timestamps"), (bell, "--bell"),
      (plain, "--plain"), (json, "--json"), (send != nil, "--send"), (history != nil, "--history"),
      (log != nil, "--log"),
      (noHistory, "--no-history"), (noPasteGuard, "--no-paste-guard"), (reconnect, "--reconnect"),
    ]
    if let other = others.first(where: \.0) {
      throw ValidationError("--relay only passes bytes on, so \(other.1) has no meaning with it.")
    }
    guard let address else { return }
    guard address.hasPrefix("/"), !address.utf8.contains(0), address.utf8.count <= Address.maximumPathBytes else {
      throw ValidationError(
        "--relay takes the absolute path of a Unix socket, of at most \(Address.maximumPathBytes) bytes, and no other address."
      )
    }
  }

  /// Refuses what cannot be a name at any server; the rest is the server's to judge.
  private static func validate(name: String) throws {
    guard (1...64).contains(name.utf8.count) else { throw ValidationError("--name takes a name of 1 to 64 bytes.") }
    if name.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.properties.generalCategory == .control })
    {
      throw ValidationError("--name takes a name without spaces; put - or _ in their place.")
    }
  }

  private var options: Options {
    var options = Options()
    options.name = name ?? ""
    // `validate` has refused what is none.
    options.prompt = (try? Prompt(parsing: prompt)) ?? Prompt()
    options.log = log
    options.colours = color
    options.timestamps = timestamps
    options.bell = bell
    options.plain = plain
    options.json = json
    options.history = noHistory ? .none : history.map { .file($0) } ?? .standard
    options.historyLines = historySize
    options.pasteGuard = !noPasteGuard
    options.reconnects = reconnect
    return options
  }

  private func destination() throws -> Destination {
    guard let address else { return .standard }
    let parsed: Destination
    do { parsed = try Destination(parsing: address) } catch { throw ValidationError(error.description) }
    if case .direct(.internet(_, port: 0)) = parsed {
      throw ValidationError(
        "'\(address)' names port 0, which is a server's way to take a free one; give the port of its [LISTENING] line.")
    }
    return parsed
  }

  mutating func run() throws {
    if relay { throw ExitCode(Relay.run(path: address)) }
    let destination = try destination()
    if let send { throw ExitCode(SendOnce.send(send, as: name, to: destination)) }
    throw ExitCode(Client.run(connectingTo: destination, options))
  }

  static func main() {
    demandArguments()
    do {
      var command = try parsed(Array(CommandLine.arguments.dropFirst()))
      try command.run()
    } catch {
      if exitCode(for: error) == .validationFailure {
        let text = sentence(of: error)
        StandardOutput.report(error: "\(text)\(hint(for: text)) See 'mychatclient --help'.")
        Glibc.exit(ExitCode.validationFailure.rawValue)
      }
      exit(withError: error)
    }
  }

  /// What to write instead of a host and a port that are two words, if that is what `error` is about; otherwise nothing.
  private static func hint(for error: String) -> String {
    let words = CommandLine.arguments.dropFirst()
    for (host, port) in zip(words, words.dropFirst()) where error == "Unexpected argument '\(port)'." {
      if UInt16(port) != nil, UInt16(host) == nil, !host.hasPrefix("-"), !host.contains(":") {
        return " Write host and port as one word: \(host):\(port)."
      }
    }
    return ""
  }
}
