import ChatClient
import Testing

@Suite(.timeLimit(.minutes(10))) struct OtherProtocolTests {
  @Test(arguments: [
    ("SSH-2.0-OpenSSH_9.2p1\r\n", OtherProtocol.ssh), ("HTTP/1.1 400 Bad Request\r\n", .web),
    ("HTTP/1.0 200 \r\n", .web), ("SSH-1.99-Cisco-1.25\r\n", .ssh),
    ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F", .tls), ("\u{16}\u{3}\u{3}\u{0}z", .tls),
  ]) func `What no chat begins with`(text: String, expected: OtherProtocol) {
    #expect(OtherProtocol(firstLine: Array(text.utf8)) == expected)
  }

  /// On a server of SEED.md's kind anything may come.
  @Test(arguments: [
    "", "SSH", "54321: SSH-2.0-OpenSSH_9.2", "error in line 3", ":-)", "200 people", "{\"a\":1}", "http://example.org",
    "* Here: 1.", "\u{15}", "\u{15}\u{3}", "+OK", "HTTP/1.1 or HTTP/2?\r\n", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\n",
    "SSH-2.0-what is that line for?", "SSH-2.0-x\n", "<html> is the tag you mean\r\n",
  ]) func `What a person may say`(text: String) { #expect(OtherProtocol(firstLine: Array(text.utf8)) == nil) }
}
