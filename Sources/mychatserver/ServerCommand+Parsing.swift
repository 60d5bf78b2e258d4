import ArgumentParser
import ChatServer
import ChatWire
import Glibc

/// From the command line and its files of options to a command, and from an error to its line on standard error.
extension ServerCommand {
  static func main() {
    demandArguments()
    do {
      try parsed(Array(CommandLine.arguments.dropFirst())).run()
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      StandardOutput.report(error: "\(sentence(of: error)) See 'mychatserver --help'.")
      Glibc.exit(ExitCode.validationFailure.rawValue)
    }
  }

  /// The command of these arguments, with those of their files of options before them, so that of two values of an option the
  /// one that was not in a file counts.
  private static func parsed(_ arguments: [String]) throws -> ServerCommand {
    // What a file has may be needed for the rest to be right, so only what `--config` says is taken of this.
    let files = try parse(arguments).config
    guard !files.isEmpty else { return try judged(arguments) }
    var lines: [OptionFile.Line] = []
    do {
      for path in files { lines += try OptionFile(at: path).lines }
    } catch let error as OptionFile.LineError {
      throw ValidationError("\(error)")
    } catch { throw failure("\(error)") }
    // Each by itself first, because an option without its value would take the next argument for that.
    for line in lines { do { _ = try parse([line.argument]) } catch { throw blame(error, on: line) } }
    do { return try judged(lines.map(\.argument) + arguments) } catch {
      throw blame(error, on: culprit(of: error, among: lines))
    }
  }

  private static func blame(_ error: any Error, on line: OptionFile.Line?) -> any Error {
    guard exitCode(for: error) == .validationFailure, let line else { return error }
    return ValidationError("\(line.place): \(sentence(of: error))")
  }

  private static func judged(_ arguments: [String]) throws -> ServerCommand {
    let command = try parse(arguments)
    try command.validateAll()
    return command
  }

  /// The line that is wrong by itself, or else the first that is together with those before it; nil if it is the command line.
  private static func culprit(of error: any Error, among lines: [OptionFile.Line]) -> OptionFile.Line? {
    let wanted = message(for: error)
    func isWrong(_ lines: some Sequence<OptionFile.Line>) -> Bool {
      do { _ = try judged(lines.map(\.argument)) } catch { return message(for: error) == wanted }
      return false
    }
    if let line = lines.first(where: { isWrong(CollectionOfOne($0)) }) { return line }
    return lines.indices.first { isWrong(lines[...$0]) }.map { lines[$0] }
  }

  /// What is wrong, in one line and without the synopsis that the parser would add.
  private static func sentence(of error: any Error) -> String {
    let text = message(for: error).split(separator: "\n").joined(separator: " ")
    return text.hasSuffix(".") || text.hasSuffix("?") ? text : text + "."
  }

  /// Tells why the server cannot start.
  static func failure(_ reason: String) -> ExitCode {
    StandardOutput.report(error: reason)
    return .failure
  }
}

extension EventLayer: ExpressibleByArgument {}
extension LogFormat.Style: ExpressibleByArgument {}
