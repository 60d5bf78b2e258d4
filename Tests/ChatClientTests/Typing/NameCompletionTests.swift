import ChatClient
import Testing

private func names(_ all: String...) -> NameCompletion {
  let names = NameCompletion()
  for name in all { names.add(Array(name.utf8)[...]) }
  return names
}

private func completion(_ word: String, _ names: NameCompletion) -> NameCompletion.Completion {
  names.completion(of: Array(word.utf8))
}

@Suite(.timeLimit(.minutes(10))) struct NameCompletionTests {
  @Test func `The only name is completed`() {
    #expect(completion("an", names("anna", "bob")) == .adding(Array("na".utf8), isWhole: true))
    #expect(completion("AN", names("anna", "anna")) == .adding(Array("na".utf8), isWhole: true))
  }

  @Test func `Several names are completed as far as they agree`() {
    #expect(completion("a", names("anna", "anne")) == .adding(Array("nn".utf8), isWhole: false))
  }

  @Test func `Names that go on in different ways are given in order`() {
    let several = [Array("anna".utf8), Array("anne".utf8)]
    #expect(completion("ann", names("anne", "anna", "bob")) == .several(several))
    #expect(completion("anna", names("annabel", "anna")) == .several([Array("anna".utf8), Array("annabel".utf8)]))
    #expect(completion("r", names("ré", "rè")) == .several([Array("rè".utf8), Array("ré".utf8)]))
  }

  @Test func `A name that nobody has is not completed`() {
    #expect(completion("x", names("anna")) == .none)
    #expect(completion("", names("anna")) == .none)
  }

  @Test func `A name longer than anybody has is not kept`() {
    let names = names(String(repeating: "a", count: 32), String(repeating: "b", count: 33))
    #expect(completion("a", names) != .none && completion("b", names) == .none)
  }

  @Test func `Only so many names are kept`() {
    let names = NameCompletion()
    for number in 0...NameCompletion.capacity { names.add(Array("n\(number).".utf8)[...]) }
    #expect(completion("n0.", names) == .none)
    #expect(completion("n1.", names) == .adding([], isWhole: true))
  }
}
