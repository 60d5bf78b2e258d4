import ChatWire
import Testing

@Suite(.timeLimit(.minutes(10))) struct ClientLineTests {
  @Test(arguments: ["exit", "EXIT", " Exit\t", "  eXiT  ", "/quit", "/QUIT ", "/quit now"])
  func `exit and /quit leave, whatever their case and the spaces around them`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .exit)
  }

  @Test(arguments: ["", " ", " \t ", "\t \t ", "\t\t\t"])
  func `A line of spaces is blank`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .blank)
  }

  @Test(arguments: [
    "exit now", "exi", "exit.", "e xit", "EXIT\u{A0}", "\u{5}xit", "E\u{58}I", "éxit", "hi", "/", "/ who",
    "/etc/hosts is wrong", "/who?",
    "/2", "/é", " /who", "exit /who",
  ])
  func `Anything else is a message`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .message)
  }

  @Test(arguments: ["/who", "/WHO", "/mgs bob hi", "/a", "/quitting", "/me\twaves"])
  func `A slash and a word of letters are a command`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .command)
  }

  @Test(arguments: ["//who", "// comment", "//", "///"])
  func `Two slashes begin a message that begins with one`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .escaped)
  }

  @Test func `One blank line asks who is here`() {
    #expect(ClientLine(Array("\t \t".utf8).span) == .rosterRequest)
  }
}
