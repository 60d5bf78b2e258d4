import ChatWire
import Glibc

/// How a connection ends, and how the server does.
extension Server {
  /// Takes a member out of the conversation: it still gets what was said until now, and nothing that it sends counts.
  func leave(_ connection: Connection) {
    log.removed(connection.label)
    // One that takes nothing any more, and said `exit` before it broke, has nothing to wait for.
    if connection.isMute { return close(connection) }
    connection.phase = .leaving
    connection.unread = []
    connection.isPaused = false
    updateInterest(of: connection)
    connection.cursor.end(with: room.log)
    due.append(connection)
  }

  /// A peer that there is no room for is told why, and hears nothing else.
  func refuse(_ connection: Connection, with notice: Notice) {
    connection.isRefused = true
    refused += 1
    connection.phase = .leaving
    connection.cursor.end(with: room.log)
    tell(connection, notice)
  }

  /// All that was due is sent. What the peer may still send is read and discarded: closing with unread input would reset
  /// the connection, and throw away bytes that are still on their way to it.
  func endSending(_ connection: Connection) {
    room.remove(connection)
    if connection.hasEnded { return close(connection) }
    connection.descriptor.shutdownSending()
    connection.phase = .ending
    // What has ended can be written at any time, and would be reported without end.
    connection.isBlocked = false
    connection.isAwaited = false
    updateInterest(of: connection)
    connection.endsBy = now + configuration.goodbye
    look(at: connection, by: connection.endsBy)
  }

  /// A peer that takes nothing more has perhaps said something before: that still counts, so it is read to its end. If it had
  /// ended its stream in order (`EPIPE`), all of that counts, and is said as fast as it may be; of a stream that was torn,
  /// what had come whole, and what waits for its turn is lost with it.
  func sendingFailed(_ connection: Connection, _ error: SystemCallError) {
    let isTorn = error.code != EPIPE
    let isWaiting = connection.heldUntil != nil
    guard connection.phase == .talking, !connection.hasEnded || isWaiting, !(isTorn && isWaiting) else {
      return lose(connection)
    }
    room.remove(connection)
    connection.isMute = true
    connection.isAwaited = false
    connection.isTorn = isTorn
    connection.isBlocked = false
    updateInterest(of: connection)
    readiness.leftUnread(connection)
  }

  /// The connection broke, or its peer is given up on.
  func lose(_ connection: Connection) {
    if connection.phase == .talking {
      log.lost(connection.label)
      log.removed(connection.label)
    }
    close(connection)
  }

  func close(_ connection: Connection) {
    guard connection.phase != .closed else { return }
    connection.phase = .closed
    if connection.isPaused { paused.removeAll { $0 === connection } }
    room.remove(connection)
    if let key = connection.addressKey { quota?.release(key) }
    if connection.isRefused { refused -= 1 }
    readiness.forget(connection)
    connections.remove(connection.token)
    if isStopping, connections.count == 0 { finishStopping() }
  }

  // MARK: The end

  func beginStopping() {
    guard !isStopping else { return }
    isStopping = true
    now = .now
    stopsBy = now + configuration.goodbye
    for listener in listeners { listener.close() }
    listeners = []
    acceptsAgain = .never
    for connection in connections.all where connection.phase == .talking { leave(connection) }
    finishTurn()
    if connections.count == 0 { finishStopping() }
  }

  func finishStopping() {
    guard !hasStopped else { return }
    hasStopped = true
    for connection in connections.all { close(connection) }
    readiness.cancel()
    timer.cancel()
    log.flushPage()
    onStopped()
  }
}
