import Testing

@testable import ChatClient

struct MentionTests {
  private func mention(of name: String, in text: String) -> String? {
    let text = Array(text.utf8)[...]
    return Mention.first(of: Array(name.utf8), in: text, within: text).map { String(decoding: text[$0], as: UTF8.self) }
  }

  @Test(arguments: [
    ("alice", "hi alice/2!", "alice/2"), ("alice/2", "hi alice!", "alice"), ("alice/2", "alice/12: hi", "alice/12"),
    ("alice", "alice/ hi", "alice"), ("alice", "alice", "alice"), ("54321", "to 54321: hi", "54321"),
  ]) func `All connections of a login are meant by the name of each`(name: String, text: String, expected: String) {
    #expect(mention(of: name, in: text) == expected)
  }

  @Test(arguments: [("alice", "malice/2"), ("alice/2", "alices/2"), ("", "hi"), ("alice/2", "/2")])
  func `Other words are no mentions`(name: String, text: String) {
    #expect(mention(of: name, in: text) == nil)
  }
}
