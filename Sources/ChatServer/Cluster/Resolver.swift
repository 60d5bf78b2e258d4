import ChatWire
import Dispatch
import Synchronization

/// Finds the addresses of a host on a queue of its own, because a name server takes as long as it takes, and nothing interrupts
/// getaddrinfo(3).
final class Resolver: Sendable {
  private let address: Address
  private let queue = DispatchQueue(label: "mychat.redis.resolve")
  private let answer = Mutex<Result<[SocketAddress], ResolutionError>?>(nil)

  init(_ address: Address) { self.address = address }

  /// Has `then` called, on whatever thread, when `takeAnswer` has something.
  func resolve(then: @escaping @Sendable () -> Void) {
    queue.async {
      let result = Result { () throws(ResolutionError) in try self.address.resolved() }
      self.answer.withLock { $0 = result }
      then()
    }
  }

  func takeAnswer() -> Result<[SocketAddress], ResolutionError>? { answer.withLock { $0.take() } }
}
