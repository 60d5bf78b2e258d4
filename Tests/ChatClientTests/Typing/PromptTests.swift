import ChatClient
import Testing

@Suite(.timeLimit(.minutes(10))) struct PromptTests {
  private func shown(_ text: String, name: String = "ada", isStyled: Bool = true) throws -> String {
    let prompt = try Prompt(parsing: text).text(name: Array(name.utf8), isStyled: isStyled)
    return String(decoding: prompt.bytes, as: UTF8.self)
  }

  @Test(arguments: [
    ("", ""), ("> ", "> "), ("%n> ", "ada> "), ("100%", "100%"), ("100% ", "100% "), ("%%n", "%n"), ("%q", "%q"),
    ("%F", "%F"), ("%Fgreen", "%Fgreen"), ("%F{green", "%F{green"), ("\u{1B}[2J", "^[[2J"), ("日本%n", "日本ada"),
  ])
  func `A name stands for itself, and what means nothing stays`(text: String, expected: String) throws {
    #expect(try shown(text) == expected)
  }

  @Test(arguments: [
    ("%F{green}%n%f> ", "\u{1B}[32mada\u{1B}[39m> \u{1B}[0m"), ("%B%n%b> ", "\u{1B}[1mada\u{1B}[22m> \u{1B}[0m"),
    ("%F{208}> ", "\u{1B}[38;5;208m> \u{1B}[0m"),
  ])
  func `Looks are sequences, and none where there are no colours`(text: String, expected: String) throws {
    #expect(try shown(text) == expected)
    #expect(try !shown(text, isStyled: false).contains("\u{1B}"))
  }

  @Test(arguments: ["%F{gren}", "%F{256}", "%F{-1}", "%F{}", "%F{07}"])
  func `A colour that is none is an error that says which there are`(text: String) {
    let error = #expect(throws: Prompt.ColourError.self) { try Prompt(parsing: text) }
    #expect(error?.description.contains("green") == true)
  }

  @Test func `Looks take no place on the screen`() throws {
    let screen = EditBlock.Screen(columns: 10, rows: 5, canErase: true, reflows: true)
    func written(_ prompt: String) throws -> String {
      var block = EditBlock()
      let text = try Prompt(parsing: prompt).text(name: [], isStyled: true)
      return String(
        decoding: block.show(prompt: text, before: Array("12345678".utf8), after: [], on: screen), as: UTF8.self)
    }
    // The row is full at the same character, so the cursor goes to the next row in both.
    #expect(try written("> ") == "> 12345678 \r")
    #expect(try written("%F{red}>%f ") == "\u{1B}[31m>\u{1B}[39m \u{1B}[0m12345678 \r")
  }
}
