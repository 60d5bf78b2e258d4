import ChatRedis
import ChatWire

/// What servers tell one another and not the room.
extension Server {
  func receive(_ letter: Letter) {}
}
