import ChatWire
import Testing

@Suite(.timeLimit(.minutes(10))) struct ClientLineTests {
  @Test(arguments: ["exit", "EXIT", " Exit\t", "  eXiT  "])
  func `exit leaves, whatever its case and the spaces around it`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .exit)
  }

  @Test(arguments: ["", " ", " \t "])
  func `A line of spaces is blank`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .blank)
  }

  @Test(arguments: ["exit now", "exi", "exit.", "e xit", "EXIT\u{A0}", "\u{5}xit", "E\u{58}I", "éxit", "hi"])
  func `Anything else is a message`(text: String) {
    #expect(ClientLine(Array(text.utf8).span) == .message)
  }
}
