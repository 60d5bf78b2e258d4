import ChatWire
import Testing

@Suite struct CommandTests {
  private static func parse(_ line: String) -> Result<Command, Command.Failure> {
    Result { () throws(Command.Failure) in try Command(Array(line.utf8).span) }
  }

  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test(
    arguments: [
      ("/help", .help(nil)), ("/help msg", .help(.msg)), ("/help /MSG", .help(.msg)),
      ("/nick alice", .nick(bytes("alice"))), ("/nick", .nick(nil)), ("/NICK\talice ", .nick(bytes("alice"))),
      ("/who", .who), ("/who ", .who),
      ("/msg bob hello  there ", .privateLine(to: bytes("bob"), text: bytes("hello  there"))),
      ("/reply yes, I do", .reply(bytes("yes, I do"))), ("/me waves", .action(bytes("waves"))),
      ("/last", .last(20)), ("/last 5000", .last(5000)),
      ("/since 9:05", .since(minute: 545)), ("/since 23:59", .since(minute: 1439)),
      ("/ignore bob", .ignore(bytes("bob"))), ("/unignore bob", .unignore(bytes("bob"))), ("/ignored", .ignored),
      ("/away lunch time", .away(bytes("lunch time"))), ("/away", .away(nil)),
      ("/op secret", .becomeOperator(token: bytes("secret"))),
      ("/op correct horse  battery ", .becomeOperator(token: bytes("correct horse  battery"))),
      ("/kick bob", .kick(bytes("bob"), why: nil)), ("/kick bob be nice", .kick(bytes("bob"), why: bytes("be nice"))),
      ("/ban bob", .ban(bytes("bob"), nil, why: nil)),
      ("/ban 10.0.0.0/8 2h go away", .ban(bytes("10.0.0.0/8"), Term(seconds: 7200), why: bytes("go away"))),
      ("/ban bob 2 many words", .ban(bytes("bob"), nil, why: bytes("2 many words"))),
      ("/bans", .bans), ("/unban bob", .unban(bytes("bob"))),
      ("/mute bob", .mute(bytes("bob"), nil)), ("/mute bob 10m", .mute(bytes("bob"), Term(seconds: 600))),
      ("/unmute bob", .unmute(bytes("bob"))), ("/slow 30", .slow(seconds: 30)), ("/slow 0", .slow(seconds: 0)),
    ] as [(String, Command)])
  func `A command is understood`(line: String, command: Command) {
    #expect(ClientLine(Array(line.utf8).span) == .command)
    #expect(Self.parse(line) == .success(command))
  }

  @Test(
    arguments: [
      ("/msg", .msg), ("/msg bob", .msg), ("/msg bob  ", .msg), ("/reply", .reply), ("/me", .me), ("/me ", .me),
      ("/nick two words", .nick), ("/who else", .who), ("/last 0", .last), ("/last -1", .last), ("/last many", .last),
      ("/last 1 2", .last), ("/last 99999999999999999999", .last), ("/since", .since), ("/since 24:00", .since),
      ("/since 7", .since), ("/since 12:5", .since), ("/since 12:60", .since), ("/since :30", .since),
      ("/ignore", .ignore), ("/ignored bob", .ignored), ("/help nothing", .help), ("/kick", .kick), ("/ban", .ban),
      ("/mute bob soon", .mute), ("/mute bob 0m", .mute), ("/slow", .slow), ("/slow 4000", .slow), ("/op", .op),
    ] as [(String, Command.Word)])
  func `Arguments that do not fit are refused with the usage`(line: String, word: Command.Word) {
    #expect(Self.parse(line) == .failure(.usage(word)))
  }

  @Test(
    arguments: [
      ("/mgs bob hi", "mgs", .msg), ("/nik alice", "nik", .nick), ("/WHOO", "WHOO", .who), ("/lst", "lst", .last),
      ("/unignroe bob", "unignroe", .unignore), ("/helpme", "helpme", .help), ("/xyzzy", "xyzzy", nil),
      ("/list", "list", .last),
    ] as [(String, String, Command.Word?)])
  func `An unknown word is refused with what was probably meant`(line: String, word: String, meant: Command.Word?) {
    #expect(Self.parse(line) == .failure(.unknown(word, suggestion: meant)))
  }

  @Test func `A very long word is refused quickly`() {
    let line = "/" + String(repeating: "a", count: 8000)
    #expect(Self.parse(line) == .failure(.unknown(String(repeating: "a", count: 32), suggestion: nil)))
  }
}
