import ChatClient
import Testing

private func completion(_ word: String, _ names: String...) -> Completion {
  Completion(of: Array(word.utf8), among: names.map { Array($0.utf8) })
}

@Suite(.timeLimit(.minutes(10))) struct CompletionTests {
  @Test func `The only name is completed`() {
    #expect(completion("an", "anna", "bob") == .adding(Array("na".utf8), isWhole: true))
    #expect(completion("AN", "anna") == .adding(Array("na".utf8), isWhole: true))
  }

  @Test func `A name in any script is completed, whatever its case`() {
    #expect(completion("бо", "Борис", "bob") == .adding(Array("рис".utf8), isWhole: true))
    #expect(completion("ÅS", "åsa", "asa") == .adding(Array("a".utf8), isWhole: true))
    #expect(completion("田", "田中", "中田") == .adding(Array("中".utf8), isWhole: true))
  }

  @Test func `Several names are completed as far as they agree`() {
    #expect(completion("a", "anna", "anne") == .adding(Array("nn".utf8), isWhole: false))
    #expect(completion("a", "Anna", "anNe") == .adding(Array("n".utf8), isWhole: false))
  }

  @Test func `Names that go on in different ways are given in order`() {
    let several = [Array("anna".utf8), Array("anne".utf8)]
    #expect(completion("ann", "anne", "anna", "bob") == .several(several))
    #expect(completion("anna", "annabel", "anna") == .several([Array("anna".utf8), Array("annabel".utf8)]))
    #expect(completion("r", "ré", "rè") == .several([Array("rè".utf8), Array("ré".utf8)]))
  }

  @Test func `A name that nobody has is not completed`() {
    #expect(completion("x", "anna") == .none)
    #expect(completion("", "anna") == .none)
    #expect(completion("annabel", "anna") == .none)
  }
}
