/// What a server asks of the script.
package enum Verb: Sendable {
  /// Comes into the room, or again after `lost` or `gone`. Answered by `EnterReply`.
  /// - Parameters:
  ///   - new: the epoch that begins if the room has no history, or a broken one.
  ///   - boxID: the last letter that was read; `.start` for none.
  case enter(ServerID, new: Epoch, boxID: StreamID)
  /// Says on a new connection what is known of the room. Nothing that an older connection still delivers counts after it. Answered
  /// by `HelloReply`.
  /// - Parameters:
  ///   - acknowledged: the last turn that is known to have its place.
  ///   - last: what was read up to.
  ///   - source: of the entry there; nil if none is known.
  case hello(ServerID, Epoch, acknowledged: Int, last: Position, source: EntrySource?)
  /// Begins the epoch `new`, unless somebody else has ended `old` already. Answered by `RenewReply`.
  /// - Parameter begun: when `old` began, as `enter` answered. An epoch that is not younger is ended as well.
  case renew(old: Epoch, begun: Int, new: Epoch)
  /// Does all of a turn, in order. Answered by `AppendReply`.
  /// - Parameters:
  ///   - fence: as `enter` or `hello` answered.
  ///   - sequence: one more than that of the turn before.
  ///   - boxID: the last letter that was read, so that letters up to it go; nil if they have gone.
  ///   - operations: what they write makes a body of at most `Entry.maximumBytes`.
  case append(ServerID, Epoch, fence: Int, sequence: Int, boxID: StreamID?, [Operation])
  /// Says that the server is here, every 2 s, and takes off those that were not heard for 6 s. Answered by `BeatReply`.
  case beat(ServerID, Epoch, boxID: StreamID?)
  /// Leaves the room with all members. Answered by `ByeReply`.
  /// - Parameter saying: lines that are said then, each with its newline; those that an entry has no room for are left out.
  case bye(ServerID, Epoch, fence: Int, saying: [[UInt8]])

  /// The command that runs it.
  /// - Parameter sha: what Redis answered when it was given `RoomScript.source` by SCRIPT LOAD.
  package func words(sha: String, keys: RoomKeys) -> [[UInt8]] {
    var words = Words()
    words.add("EVALSHA", sha, String(keys.arguments.count))
    for key in keys.arguments { words.add(key) }
    switch self {
    case .enter(let server, let new, let boxID): words.add("enter", server, new, boxID.successor)
    case .hello(let server, let epoch, let acknowledged, let last, let source):
      words.add("hello", server, epoch, acknowledged, last, source?.description ?? "")
    case .renew(let old, let begun, let new): words.add("renew", old, new, begun)
    case .append(let server, let epoch, let fence, let sequence, let boxID, let operations):
      words.add("append", server, epoch, fence, sequence, boxID?.successor.description ?? "")
      words.add(operations)
    case .beat(let server, let epoch, let boxID):
      words.add("beat", server, epoch, boxID?.successor.description ?? "")
    case .bye(let server, let epoch, let fence, let lines):
      words.add("bye", server, epoch, fence)
      var text: [UInt8] = []
      var count = 0
      for line in lines where text.count + line.count <= Entry.maximumBytes {
        text += line
        count += 1
      }
      words.add(bytes: text)
      words.add(count)
    }
    return words.list
  }

  /// Gives Redis the script. The answer is its `sha`.
  package static let load: [[UInt8]] = [Array("SCRIPT".utf8), Array("LOAD".utf8), Array(RoomScript.source.utf8)]
}

/// The words of a command, as they are put together.
private struct Words {
  var list: [[UInt8]] = []

  mutating func add(bytes: [UInt8]) { list.append(bytes) }
  mutating func add(_ words: any CustomStringConvertible...) {
    for word in words { list.append(Array(word.description.utf8)) }
  }

  /// Each operation as the script reads it. Those that can fail have their index with them; those that only say something are
  /// taken together.
  mutating func add(_ operations: [Operation]) {
    var text: [UInt8] = []
    var lines = 0
    for (index, operation) in operations.enumerated() {
      switch operation {
      case .say(let line, _):
        text += line
        lines += 1
        continue
      case .record(let record):
        text += record.line
        continue
      default: addText(&text, &lines)
      }
      switch operation {
      case .say, .record: break
      case .claim(let claim):
        add("claim", index, claim.member, claim.person.stored, claim.announcement == nil ? 0 : 1)
        add(bytes: claim.record.line + (claim.announcement ?? []))
        add(claim.keys.count)
        for key in claim.keys { add(key) }
        add(claim.givenUp.count)
        for key in claim.givenUp { add(key) }
      case .release(let member, let keys):
        add("release", member)
        add(bytes: Record.left(member).line)
        add(keys.count)
        for key in keys { add(key) }
      case .ban(let target, let line):
        add("ban", target, line)
        add(bytes: Record.banned(line: line).line)
      case .unban(let target):
        add("unban", target)
        add(bytes: Record.unbanned(target: target).line)
      case .slow(let seconds):
        add("slow", seconds)
        add(bytes: Record.slow(seconds: seconds).line)
      case .post(let letter, let server):
        add("post", index, server)
        add(bytes: letter.payload)
      }
    }
    addText(&text, &lines)
  }

  private mutating func addText(_ text: inout [UInt8], _ lines: inout Int) {
    guard !text.isEmpty else { return }
    add("text", lines)
    add(bytes: text)
    text = []
    lines = 0
  }
}
