import Testing

@testable import ChatWire

/// Files of options, as arguments.
struct OptionFileTests {
  private func arguments(_ text: String) throws -> [String] {
    try OptionFile(Array(text.utf8), at: "lab.conf").lines.map(\.argument)
  }

  @Test func `A line is an option with the rest of the line as its value, or an address`() throws {
    #expect(
      try arguments(
        """
        # The room of the lab
        unix:/run/mychat/lab.sock

          [::1]:12345
        --announce
        --topic What we measure today: = # and more
        --topic   \t spaced \r
        --patience=2
        --topic = x
        -h
          # indented
        """)
        == [
          "unix:/run/mychat/lab.sock", "[::1]:12345", "--announce", "--topic=What we measure today: = # and more",
          "--topic=spaced", "--patience=2", "--topic== x", "-h",
        ])
  }

  @Test func `The mark that some editors put before a text is no part of it`() throws {
    #expect(try arguments("\u{FEFF}# The lab\n--announce") == ["--announce"])
    #expect(try arguments("\u{FEFF}--announce\r\n") == ["--announce"])
  }

  @Test(arguments: ["", "\u{FEFF}", "\n\n", "# only words", "#\n", " \t \n"])
  func `Nothing is in a file that says nothing`(
    text: String
  ) throws { #expect(try arguments(text) == []) }

  @Test func `Each line knows where it stands`() throws {
    let file = try OptionFile(Array("\n# a\n--announce\n\n12345".utf8), at: "lab.conf")
    #expect(file.lines.map(\.place) == ["lab.conf:3", "lab.conf:5"])
  }

  @Test func `What cannot be an argument is refused with its place`() {
    for (bytes, problem) in [
      (Array("12345\n--topic a\u{1B}[m".utf8), "lab.conf:2: The line is no text, or has a control character in it."),
      (Array("\n--topic ".utf8) + [0xFF], "lab.conf:2: The line is no text, or has a control character in it."),
      (Array("--config other.conf".utf8), "lab.conf:1: A file of options cannot name another one."),
      (Array("--config=other.conf".utf8), "lab.conf:1: A file of options cannot name another one."),
      (Array("--\n".utf8), "lab.conf:1: '--' is no option."),
    ] {
      #expect(throws: OptionFile.LineError(description: problem)) { try OptionFile(bytes, at: "lab.conf") }
    }
  }
}
