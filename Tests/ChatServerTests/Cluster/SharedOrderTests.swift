import ChatServer
import ChatWire
import TestSupport
import Testing

@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10))) struct SharedOrderTests {
  /// Two servers; carol is an operator of the first, mallory is at the second, and dora at the first.
  private struct Scene {
    let directory: TemporaryDirectory
    let room: SharedRoom
    let carol, mallory, dora: SharedPerson

    init() throws {
      let directory = try TemporaryDirectory()
      self.directory = directory
      try write("open-sesame\n", to: directory.file("token"), mode: 0o600)
      room = try SharedRoom { index, configuration in
        if index == 0 { configuration.operatorTokenFile = directory.file("token") }
      }
      carol = try room.person(called: "carol", at: 0)
      dora = try room.person(called: "dora", at: 0)
      mallory = try room.person(called: "mallory", at: 1)
      try carol.ask("/op open-sesame", "* You are an operator now. /help lists what you can do.")
    }

    /// All but mallory hear that.
    func expect(_ line: String) throws { for person in [carol, dora] { try person.expect(line) } }
    /// Mallory comes again, and has heard all that is said of how she went.
    func comeAgain() throws -> Dialogue {
      room.forget(mallory)
      let again = try Dialogue(connectingTo: room.servers[1].addresses[0])
      try again.send("hi\n")
      try expect("\(again.localPort): hi")
      try dora.send("welcome")
      try carol.expect("dora: welcome")
      while try again.expectLine() != "dora: welcome" {}
      return again
    }
  }

  @Test func `Who is kicked at another server is told why and leaves, and may come again`() throws {
    let scene = try Scene()
    try scene.carol.send("/kick mallory be nice\n/kick mallory twice")
    try scene.expect("* mallory was kicked by carol: be nice")
    try scene.carol.expect("* Nobody here is called mallory.")
    try scene.mallory.expect("* You were kicked by carol: be nice")
    try scene.mallory.peer.expectClosed()
    try scene.room.servers[0].waitForLog("[OPERATOR] carol kicked mallory: be nice")
    let again = try scene.comeAgain()
    try again.send("/nick mallory\n")
    try again.expect("* \(again.localPort) is now mallory")
    try scene.carol.expect("* \(again.localPort) is now mallory")
    try scene.dora.expect("* \(again.localPort) is now mallory")
    try scene.carol.ask("/kick dora", "* dora was kicked by carol.")
    try scene.dora.expect("* You were kicked by carol.")
    try scene.dora.peer.expectClosed()
    try again.expect("* dora was kicked by carol.")
  }

  @Test func `A name that is banned is nobody's at any server, until the ban is lifted`() throws {
    let scene = try Scene()
    try scene.carol.send("/ban mallory 2h spam")
    var lines = [try scene.carol.peer.expectLine(), try scene.carol.peer.expectLine()]
    lines.sort()
    #expect(lines == ["* mallory is banned. 1 person was put out.", "* mallory was banned by carol: spam"])
    try scene.dora.expect("* mallory was banned by carol: spam")
    #expect(try scene.mallory.peer.expectLine().hasPrefix("* You are banned here until "))
    try scene.mallory.peer.expectClosed()
    let again = try scene.comeAgain()
    try again.send("/nick MALLORY\n/nick mаllоry\n")
    try again.expect("* The name MALLORY is banned here. Choose another one.")
    _ = try again.expectLine()
    // A server that joins later knows of it too.
    let third = try scene.room.addServer()
    let late = try third.peer()
    try late.send("/nick Mallory\n")
    try late.expect("* The name Mallory is banned here. Choose another one.")
    try scene.carol.ask("/unban MALLORY", "* MALLORY is no longer banned.")
    try scene.carol.ask("/unban mallory", "* mallory is not banned.")
    try scene.carol.ask("/bans", "* Nobody is banned.")
    // What her server has done, the others do before they hear this.
    try scene.carol.send("free")
    try late.expect("carol: free")
    try again.expect("carol: free")
    try late.send("/nick Mallory\n")
    for peer in [late, again, scene.carol.peer] { try peer.expect("* \(late.localPort) is now Mallory") }
  }

  @Test func `An address that is banned is let in by no server`() throws {
    let scene = try Scene()
    let peer = try scene.room.person(at: 1, from: "127.0.0.9")
    try scene.carol.ask(
      "/ban \(peer.port)",
      "* \(peer.port) is only a port, and another one the next time. Ban the address: /ban 127.0.0.9")
    try scene.carol.send("/ban 127.0.0.9")
    var lines = [try scene.carol.peer.expectLine(), try scene.carol.peer.expectLine()]
    lines.sort()
    #expect(lines == ["* 127.0.0.9 is banned. 1 person was put out.", "* \(peer.port) was banned by carol."])
    try peer.expect("* You are banned here.")
    try peer.peer.expectClosed()
    for server in scene.room.servers {
      let again = try Dialogue(connectingTo: server.addresses[0], from: "127.0.0.9")
      try again.expect("* You are banned here.")
      try again.expectClosed()
    }
    try scene.carol.ask("/unban 127.0.0.9", "* 127.0.0.9 is no longer banned.")
    try eventually("the ban to be lifted everywhere") {
      let again = try Dialogue(connectingTo: scene.room.servers[1].addresses[0], from: "127.0.0.9")
      try again.send("exit\n")
      return try again.receiveAll().isEmpty
    }
  }

  @Test func `Who is muted at another server is heard by nobody until that is over`() throws {
    let scene = try Scene()
    try scene.carol.send("/mute mallory 2h")
    for person in [scene.carol, scene.dora, scene.mallory] { try person.expect("* mallory is muted for 2 h.") }
    try scene.mallory.send("can you hear me?")
    #expect(try scene.mallory.peer.expectLine().hasPrefix("* You are muted for "))
    try scene.mallory.send("/msg carol please")
    #expect(try scene.mallory.peer.expectLine().hasPrefix("* You are muted for "))
    try scene.carol.send("/unmute mallory")
    for person in [scene.carol, scene.dora, scene.mallory] { try person.expect("* mallory can speak again.") }
    try scene.mallory.send("thanks")
    try scene.expect("mallory: thanks")
    try scene.room.servers[0].waitForLog("[OPERATOR] carol unmuted mallory")
  }

  @Test func `Everybody speaks slowly at all servers, those that join later too`() throws {
    let scene = try Scene()
    try scene.carol.send("/slow 600")
    for person in [scene.carol, scene.dora, scene.mallory] {
      try person.expect("* Everybody can say one line every 10 m.")
    }
    try scene.mallory.send("one\ntwo")
    try scene.expect("mallory: one")
    #expect(try scene.mallory.peer.expectLine().hasPrefix("* Everybody speaks slowly here. Wait "))
    let late = try scene.room.addServer().peer()
    try late.send("one\ntwo\n")
    #expect(try late.expectLine().hasPrefix("* Everybody speaks slowly here. Wait "))
    for person in scene.room.people { try person.expect("\(late.localPort): one") }
    try scene.carol.send("/slow 0")
    for peer in scene.room.people.map(\.peer) + [late] {
      try peer.expect("* Everybody can speak as fast as they like again.")
    }
    try scene.mallory.send("three\nfour")
    for peer in [scene.carol.peer, scene.dora.peer, late] {
      try peer.expect("mallory: three")
      try peer.expect("mallory: four")
    }
  }
}
