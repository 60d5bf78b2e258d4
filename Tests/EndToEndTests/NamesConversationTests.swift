import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct NamesConversationTests {
  @Test func `Two people take names, one whispers, and one who comes later sees what was said`() throws {
    let play = try NamesRehearsal()
    #expect(
      play.screens[1].filter { !$0.hasPrefix("[") } == [
        "Connected to chat server. Type 'exit' to leave.", "* \(play.ports[1]) is now bob",
        "alice: The build is green again.",
        "/me is relieved", "/msg alice Cake at four?", "* Sent to alice.", "* \(play.ports[2]) is now carol",
        "carol: What did I miss?", "exit", "Disconnected from server",
      ])
    // What comes before the client has learnt its name may come before or after what was said earlier.
    let earlier = play.screens[2].filter { $0.hasPrefix("[") }.map { String($0.drop { $0 != "]" }.dropFirst(2)) }
    #expect(
      earlier == [
        "* \(play.ports[0]) is now alice", "* \(play.ports[1]) is now bob", "alice: The build is green again.",
        "[action] bob is relieved", "alice: Cake, at four.",
      ])
    #expect(!play.screens[2].contains { $0.contains("Cake at four?") })
  }
}
