import ChatClient
import Testing

@Suite(.timeLimit(.minutes(10))) struct OutgoingLineTests {
  @Test(arguments: ["exit", "EXIT", " Exit\t", "  eXiT  "])
  func exitLeavesWhateverItsCaseAndTheSpacesAroundIt(text: String) {
    #expect(OutgoingLine(Array(text.utf8).span) == .exit)
  }

  @Test(arguments: ["", " ", " \t "])
  func aLineOfSpacesIsBlank(text: String) {
    #expect(OutgoingLine(Array(text.utf8).span) == .blank)
  }

  @Test(arguments: ["exit now", "exi", "exit.", "e xit", "EXIT\u{A0}", "\u{5}xit", "E\u{58}I", "éxit", "hi"])
  func anythingElseIsAMessage(text: String) {
    #expect(OutgoingLine(Array(text.utf8).span) == .message)
  }
}
