import ChatClient
import Testing

@Suite(.timeLimit(.minutes(10))) struct LocalCommandTests {
  @Test(arguments: [
    ("/help", LocalCommand.help), ("/HELP ", .help), ("/set", .settings), ("/set\tcolor  OFF", .set(.color, false)),
    ("/set bell on", .set(.bell, true)), ("/set colour on", .wrong), ("/set bell", .wrong), ("/set bell maybe", .wrong),
    ("/set bell on now", .wrong), ("/help set", .wrong), ("/help /set", .wrong),
  ])
  func `The client's own commands`(line: String, command: LocalCommand) {
    #expect(LocalCommand(Array(line.utf8)) == command)
  }

  @Test(arguments: ["/help nick", "/who", "/settle on", "set bell on", "//set", "/help nick away"])
  func `Others are for the server`(line: String) { #expect(LocalCommand(Array(line.utf8)) == nil) }
}
