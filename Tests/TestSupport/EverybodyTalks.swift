import ChatWire

/// All of `members` say `lines` lines at full speed, and each hears all the others' in the one order.
/// - Parameter settle: waits until so many connections are in the room.
/// - Returns: lines heard by the members, and lines that the server says they missed.
/// - Throws: at once for a line that is doubled, torn, echoed or out of order, and in the end for one that is lost.
package func letEverybodyTalk(
  members: Int, lines: Int, lengths: ClosedRange<Int>, at address: Address, settle: (_ connections: Int) throws -> Void
) throws -> (heard: Int, skipped: Int) {
  let swarm = try Swarm(connectingTo: address)
  let ledger = Ledger(lengths: lengths)
  ledger.listen(try swarm.addLeader())
  let peers = try swarm.add(members)
  for peer in peers { ledger.speak(peer) }
  try settle(members + 1)
  try swarm.run(within: .seconds(900), "all lines; \(ledger.orderCount) of \(members * lines) heard") { _ in
    var areDone = true
    for (speaker, peer) in peers.enumerated() where ledger.said[speaker] < lines {
      areDone = false
      while peer.unsentBytes < 32_768, ledger.said[speaker] < lines { swarm.say(ledger.nextLine(of: peer), by: peer) }
    }
    if let gone = peers.first(where: { $0.state != .open }) { throw TestFailure("peer \(gone.index): \(gone.state)") }
    return try areDone && ledger.areComplete(peers)
  } lines: {
    try ledger.hearAgain($0, $1, $2)
  } line: {
    try ledger.hear($0, $1, $2)
  }
  return (peers.reduce(0) { $0 + ledger[$1].heard }, peers.reduce(0) { $0 + ledger[$1].skipped })
}
