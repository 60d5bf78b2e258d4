import ChatWire

/// Which room of which Redis: `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE][?room=NAME]` or `unix:PATH[?room=NAME]`.
package struct RedisAddress: Sendable {
  package var address: Address
  package var user: String?
  package var password: String?
  package var database = 0
  package var room = "main"

  package init(address: Address) { self.address = address }
}
