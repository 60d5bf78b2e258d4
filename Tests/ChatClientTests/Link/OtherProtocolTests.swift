import ChatClient
import Testing

@Suite(.timeLimit(.minutes(10))) struct OtherProtocolTests {
  @Test(arguments: [
    ("SSH-2.0-OpenSSH_9.2p1\r\n", OtherProtocol.ssh), ("HTTP/1.1 400 Bad Request\r\n", .web),
    ("<!DOCTYPE HTML PUBLIC", .web), ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F", .tls), ("\u{16}\u{3}\u{3}\u{0}z", .tls),
  ]) func `What no chat begins with`(text: String, expected: OtherProtocol) {
    #expect(OtherProtocol(firstBytes: text.utf8) == expected)
  }

  /// On a server of SEED.md's kind anything may come.
  @Test(arguments: [
    "", "SSH", "54321: SSH-2.0-OpenSSH_9.2", "error in line 3", ":-)", "200 people", "{\"a\":1}", "http://example.org",
    "* Here: 1.", "\u{15}", "\u{15}\u{3}", "+OK",
  ]) func `What a person may say`(text: String) { #expect(OtherProtocol(firstBytes: text.utf8) == nil) }
}
