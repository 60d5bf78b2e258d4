import ArgumentParser
import ChatWire
import Glibc

/// What a person wants always: a file with one long option a line. What the command line says comes after it, and counts.
extension ClientCommand {
  /// Where the file is (XDG Base Directory Specification); nil where there is no place for it.
  private static var defaultsPath: String? {
    func directory(_ variable: String) -> String? {
      getenv(variable).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    let place = directory("XDG_CONFIG_HOME") ?? directory("HOME").map { "\($0)/.config" }
    return place.map { "\($0)/mychat/client" }
  }

  /// The command of these arguments, with the person's defaults before them.
  static func parsed(_ arguments: [String]) throws -> ClientCommand {
    let command = try parse(arguments)
    // A script has to do the same for everybody.
    guard command.send == nil, !command.relay, let path = defaultsPath, access(path, F_OK) == 0 else { return command }
    let lines: [OptionFile.Line]
    do { lines = try OptionFile(at: path).lines.map(unquoted) } catch let error as OptionFile.LineError {
      throw ValidationError(error.description)
    } catch {
      StandardOutput.report(error: "\(error)")
      throw ExitCode.failure
    }
    for line in lines { try judge(line) }
    return try parse(lines.map(\.argument).filter { !command.overrules($0) } + arguments)
  }

  /// The line with its value out of quotation marks, which keep blanks at its ends.
  private static func unquoted(_ line: OptionFile.Line) -> OptionFile.Line {
    guard let mark = line.argument.firstIndex(of: "=") else { return line }
    let value = line.argument[mark...].dropFirst()
    guard value.count >= 2, let quote = value.first, ["'", "\""].contains(quote), value.last == quote else {
      return line
    }
    return OptionFile.Line(place: line.place, argument: String(line.argument[...mark]) + value.dropFirst().dropLast())
  }

  /// Refuses a line that is wrong by itself.
  private static func judge(_ line: OptionFile.Line) throws {
    guard line.argument.hasPrefix("--") else {
      throw ValidationError("\(line.place): '\(line.argument)' is no long option, such as --timestamps.")
    }
    let command: ClientCommand
    do { command = try parse([line.argument]) } catch {
      throw ValidationError(
        "\(line.place): \(exitCode(for: error) == .success ? "not in a file." : sentence(of: error))")
    }
    guard command.send == nil && !command.relay else { throw ValidationError("\(line.place): not in a file.") }
  }

  /// Whether the command line says the contrary.
  private func overrules(_ argument: String) -> Bool {
    switch argument.prefix(while: { $0 != "=" }) {
    case "--history", "--history-size": noHistory
    case "--no-history": history != nil
    default: false
    }
  }

  /// What is wrong, in one line and without the synopsis that the parser would add.
  static func sentence(of error: any Error) -> String {
    let text = message(for: error).split(separator: "\n").joined(separator: " ")
    return text.hasSuffix(".") || text.hasSuffix("?") ? text : text + "."
  }
}
