import ChatWire
import Foundation
import TestSupport
import Testing

/// The manual pages say what the programs take, and shells understand the completions.
@Suite(.timeLimit(.minutes(10))) struct ManualTests {
  /// What a program says of its own options (`--experimental-dump-help`).
  private struct Help: Decodable {
    struct Command: Decodable { let arguments: [Argument] }
    struct Argument: Decodable {
      let kind: String
      let valueName: String?
      let shouldDisplay: Bool
      let names: [Name]?
    }
    struct Name: Decodable {
      let kind: String
      let name: String
    }
    let command: Command

    /// Each option that is shown to people, as in `--patience seconds` and `-h, --help`.
    var options: [String] {
      command.arguments.filter { $0.shouldDisplay && $0.names != nil }.map { argument in
        let names = (argument.names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name }.joined(separator: ", ")
        return argument.kind == "option" ? "\(names) \(argument.valueName ?? "")" : names
      }
    }
  }

  private static let manual =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/.packaging/man"

  /// The headings of a page's lists that begin with `macro`, without the macros of mdoc(7).
  private static func items(of page: String, _ macro: String) -> [String] {
    let headings = text(ofFile: "\(manual)/\(page)").split(separator: "\n").filter { $0.hasPrefix(".It \(macro) ") }
    let plain = [(" , ", ", "), ("Fl Fl ", "--"), ("Fl ", "-"), ("Ar ", ""), ("Ic ", "")]
    return headings.map { heading -> String in
      var item = String(heading.dropFirst(".It ".count))
      item.replace(/O[op] Ar (\S+)( Oc)?/) { "[\($0.1)]" }
      for (macro, text) in plain { item.replace(macro, with: text) }
      return item
    }
  }

  @Test(arguments: [("mychatserver", "mychatserver.8"), ("mychatclient", "mychatclient.1")])
  func `A page has the options of its program and no others`(program: String, page: String) throws {
    let dump = try Program(built: program, ["--experimental-dump-help"])
    #expect(try dump.waitForExit() == .status(0))
    let options = try JSONDecoder().decode(Help.self, from: Data(dump.output)).options
    #expect(Self.items(of: page, "Fl").sorted() == options.sorted())
  }

  @Test func `The page of the wire has the commands of the server and no others`() {
    #expect(Self.items(of: "mychat.7", "Ic").sorted() == Command.Word.allCases.map(\.usage).sorted())
  }

  @Test(.enabled(if: isInstalled("mandoc"), "mandoc is not installed"))
  func `The pages are well made`() throws {
    let pages = ["mychatclient.1", "mychat.7", "mychatserver.8"].map { "\(Self.manual)/\($0)" }
    let lint = try Program(Program.found("mandoc"), ["-T", "lint", "-W", "warning"] + pages)
    #expect(try lint.waitForExit() == .status(0))
    #expect(lint.outputLines == [])
  }

  @Test(arguments: programs) func `Bash understands the completion`(program: String) throws {
    try Self.parse(completionOf: program, by: "bash", "-n")
  }

  @Test(.enabled(if: isInstalled("zsh"), "zsh is not installed"), arguments: programs)
  func `Zsh understands the completion`(program: String) throws {
    try Self.parse(completionOf: program, by: "zsh", "-n")
  }

  @Test(.enabled(if: isInstalled("fish"), "fish is not installed"), arguments: programs)
  func `Fish understands the completion`(program: String) throws {
    try Self.parse(completionOf: program, by: "fish", "--no-execute")
  }

  private static let programs = ["mychatserver", "mychatclient"]

  private static func parse(completionOf program: String, by shell: String, _ option: String) throws {
    let made = try Program(built: program, ["--generate-completion-script", shell])
    #expect(try made.waitForExit() == .status(0))
    let directory = try TemporaryDirectory()
    let path = directory.file("completion")
    try write(String(decoding: made.output, as: UTF8.self), to: path)
    let parsed = try Program(Program.found(shell), [option, path])
    #expect(try parsed.waitForExit() == .status(0))
    #expect(parsed.errorLines == [])
  }

  @Test func `Bash completes an option`() throws {
    let script = """
      . <("$0" --generate-completion-script bash)
      COMP_WORDS=(mychatserver --pat) COMP_CWORD=1 COMP_LINE='mychatserver --pat' COMP_POINT=18
      _mychatserver mychatserver --pat mychatserver
      echo "${COMPREPLY[@]}"
      """
    let shell = try Program(Program.found("bash"), ["-c", script, Program.built("mychatserver")])
    #expect(try shell.waitForExit() == .status(0))
    #expect(shell.outputLines == ["--patience"])
  }
}

private func isInstalled(_ program: String) -> Bool { (try? Program.found(program)) != nil }
