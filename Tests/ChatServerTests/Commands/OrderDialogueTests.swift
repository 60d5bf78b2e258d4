import ChatRedis
import ChatServer
import ChatWire
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct OrderDialogueTests {
  /// A server with an operator called carol, and a member called mallory.
  private struct Scene {
    let directory: TemporaryDirectory
    let server: RunningServer
    let carol, mallory: Dialogue

    init(_ kind: ServerKind) throws {
      let directory = try TemporaryDirectory()
      let path = "\(directory.path)/token"
      try write("open-sesame\n", to: path, mode: 0o600)
      server = try RunningServer(kind) {
        $0.operatorTokenFile = path
        // Those of a shared room are in Redis.
        if kind != .shared { $0.stateDirectory = "\(directory.path)/state" }
      }
      self.directory = directory
      (carol, mallory) = (try server.peer(), try server.peer())
      try server.settle()
      for (line, answer) in [
        ("/nick carol", "* \(carol.localPort) is now carol"), ("/op wrong-word", "* That is not the token."),
        ("/op open-sesame", "* You are an operator now. /help lists what you can do."),
      ] {
        try carol.send(line + "\n")
        try carol.expect(answer)
      }
      try mallory.send("/nick mallory\n")
      try mallory.expect("* \(carol.localPort) is now carol")
      for peer in [carol, mallory] { try peer.expect("* \(mallory.localPort) is now mallory") }
    }

    func carol(_ line: String, _ answers: String...) throws {
      try carol.send(line + "\n")
      for answer in answers { try carol.expect(answer) }
    }

    /// Somebody from another address, whose port nobody here has: its name would be a longer one.
    func far() throws -> Dialogue {
      while true {
        let far = try Dialogue(connectingTo: server.addresses[0], from: "127.0.0.9")
        if far.localPort != carol.localPort, far.localPort != mallory.localPort { return far }
      }
    }
  }

  @Test(arguments: ServerKind.allCases)
  func `Who is kicked is told why and leaves, and may come again`(kind: ServerKind) throws {
    let scene = try Scene(kind)
    try scene.carol("/kick dora", "* Nobody here is called dora.")
    try scene.carol("/kick mallory be nice", "* mallory was kicked by carol: be nice")
    try scene.mallory.expect("* You were kicked by carol: be nice")
    try scene.mallory.expectClosed()
    try scene.server.waitForLog("[OPERATOR] carol kicked mallory: be nice")
    let again = try scene.server.peer()
    try scene.server.settle()
    try again.send("/nick mallory\n")
    try again.expect("* \(again.localPort) is now mallory")
    #expect(!scene.server.logged.contains { $0.contains("sesame") })
    let place = "127.0.0.1:\(scene.carol.localPort)"
    #expect(scene.server.logged.contains("[OPERATOR] carol at \(place) gave a wrong operator token"))
  }

  @Test(arguments: ServerKind.allCases)
  func `A name that is banned is nobody's, after a restart as well`(kind: ServerKind) throws {
    let (directory, redis) = try banMallory(kind)
    // The first server keeps the directory for itself until its queue has let go of it.
    var started: RunningServer?
    try eventually("the directory is free") {
      started = try? RunningServer(kind) {
        $0.redis = redis
        if kind != .shared { $0.stateDirectory = "\(directory.path)/state" }
      }
      return started != nil
    }
    let second = try #require(started)
    let peer = try second.peer()
    try second.settle()
    try peer.send("/nick MALLORY\n")
    try peer.expect("* The name MALLORY is banned here. Choose another one.")
    try peer.send("/nick mаllоry\n/nick maurice\n")
    _ = try peer.expectLine()
    try peer.expect("* \(peer.localPort) is now maurice")
  }

  private func banMallory(_ kind: ServerKind) throws -> (TemporaryDirectory, RedisAddress?) {
    let scene = try Scene(kind)
    try scene.carol("/ban mallory 2h spam", "* mallory is banned. 1 person was put out.")
    try scene.carol.expect("* mallory was banned by carol: spam")
    #expect(try scene.mallory.expectLine().hasPrefix("* You are banned here until "))
    try scene.mallory.expectClosed()
    try scene.carol(
      "/ban \(scene.carol.localPort)",
      "* \(scene.carol.localPort) is only a port, and another one the next time. Ban the address: /ban 127.0.0.1")
    try scene.carol("/ban 127.0.0.0/8", "* That would ban you as well.")
    try scene.carol("/ban carol", "* That would ban you as well.")
    try scene.carol("/bans")
    let listed = try scene.carol.expectLine()
    #expect(listed.hasPrefix("* name mallory until ") && listed.hasSuffix(": spam"), "\(listed)")
    return (scene.directory, scene.server.redis)
  }

  @Test(arguments: ServerKind.allCases)
  func `An address that is banned is refused at the door until the ban is lifted`(kind: ServerKind) throws {
    let scene = try Scene(kind)
    let far = try scene.far()
    try scene.server.wait("three peers") { $0.accepted - $0.left == 3 }
    try scene.carol("/ban 127.0.0.9 go away", "* 127.0.0.9 is banned. 1 person was put out.")
    try scene.carol.expect("* \(far.localPort) was banned by carol: go away")
    try far.expect("* You are banned here: go away")
    try far.expectClosed()
    let again = try Dialogue(connectingTo: scene.server.addresses[0], from: "127.0.0.9")
    try again.expect("* You are banned here: go away")
    try again.expectClosed()
    try scene.carol("/unban 127.0.0.8", "* 127.0.0.8 is not banned.")
    try scene.carol("/unban 127.0.0.9", "* 127.0.0.9 is no longer banned.")
    try scene.carol("/bans", "* Nobody is banned.")
    let welcome = try scene.far()
    try welcome.send("hello\n")
    try scene.carol.expect("\(welcome.localPort): hello")
  }

  @Test(arguments: ServerKind.allCases)
  func `Who is muted says nothing, not even to one person`(kind: ServerKind) throws {
    let scene = try Scene(kind)
    try scene.carol("/unmute mallory", "* mallory is not muted.")
    try scene.carol("/mute mallory", "* mallory is muted until they leave.")
    try scene.mallory.expect("* mallory is muted until they leave.")
    for line in ["hello", "/me waves", "//x", "/msg carol hello", "/nick i_say_hello"] {
      try scene.mallory.send(line + "\n")
      try scene.mallory.expect("* You are muted; that was not sent.")
    }
    try scene.carol("/unmute mallory", "* mallory can speak again.")
    try scene.mallory.expect("* mallory can speak again.")
    try scene.mallory.send("thanks\n")
    try scene.carol.expect("mallory: thanks")
  }

  @Test(arguments: ServerKind.allCases)
  func `In slow mode everybody but operators says a line in a time`(kind: ServerKind) throws {
    let scene = try Scene(kind)
    try scene.carol("/slow 600", "* Everybody can say one line every 10 m.")
    try scene.mallory.expect("* Everybody can say one line every 10 m.")
    try scene.mallory.send("one\ntwo\n")
    try scene.carol.expect("mallory: one")
    try scene.mallory.expect("* Everybody speaks slowly here. Wait 10 m; that was not sent.")
    try scene.carol("three\nfour")
    for line in ["carol: three", "carol: four"] { try scene.mallory.expect(line) }
    try scene.carol("/slow 0", "* Everybody can speak as fast as they like again.")
  }

  @Test(arguments: ServerKind.allCases)
  func `Who kicks itself says nothing more, and leaves no name behind`(kind: ServerKind) throws {
    let scene = try Scene(kind)
    try scene.carol("/kick carol\n/nick ghost\nstill here", "* You were kicked by carol.")
    try scene.carol.expectClosed()
    try scene.mallory.expect("* carol was kicked by carol.")
    try scene.mallory.send("/msg ghost are you there?\n")
    try scene.mallory.expect("* Nobody here is called ghost; that was not sent.")
  }
}
