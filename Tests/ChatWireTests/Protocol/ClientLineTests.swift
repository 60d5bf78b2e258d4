import ChatWire
import TestSupport
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

  @Test(arguments: [
    ("", 0), ("x", 0), ("\n", 0), ("one\n", 4), ("one\ntwo", 4), ("one\ntwo\n", 8), ("é\n日\n", 7), ("\u{7F}\n", 2),
    ("one\n\ntwo\n", 4), ("one\n two\n", 4), ("one\n\ttwo\n", 4), ("one\r\ntwo\n", 0), ("one\ntwo\r\n", 4),
    ("one\n\r\n", 4),
    ("one\n/who\n", 4), ("one\n//two\n", 4), ("one\nexit\n", 4), ("one\nEXIT\n", 4), ("one\n exit\n", 4),
    ("/quit\n", 0),
  ])
  func `Whole lines at the start that are messages for certain are counted`(text: String, count: Int) {
    #expect(ClientLine.certainMessages(in: Array(text.utf8).span) == count)
  }

  @Test func `Nothing but messages is counted, whatever stands there`() {
    var random = SeededRandom.printed(for: "ClientLine")
    let bytes = Array("ab/eExXiItT \t\r\n\n\n".utf8)
    for _ in 0..<20_000 {
      let text = (0..<40).map { _ in bytes[Int.random(in: 0..<bytes.count, using: &random)] }
      let counted = text.prefix(ClientLine.certainMessages(in: text.span))
      #expect(counted.isEmpty || counted.last == UInt8(ascii: "\n"))
      for line in counted.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
        #expect(ClientLine(line.span) == .message && line.last != UInt8(ascii: "\r"), "\(text)")
      }
    }
  }
}
