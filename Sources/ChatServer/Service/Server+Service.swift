import ChatWire

/// What the service manager is told, where there is one.
extension Server {
  /// After all listeners are in place: from now on the manager sees a running server.
  func beginService() {
    guard let serviceManager else { return }
    serviceManager.activate(on: queue) {
      self.assumeIsolated { server in server.serviceManager?.live(status: server.serviceStatus) }
    }
    serviceManager.tell(.ready, status: serviceStatus)
  }

  /// One line for `systemctl status`.
  var serviceStatus: String {
    let members = "members: \(connections.count - refusedCount), lines said: \(room.log.headLine - restoredLines)"
    switch stage {
    case .running: return cluster?.isDown == true ? "\(members); the link to the other servers is down" : members
    case .hearingOut, .draining, .counting, .closing, .stopped: return "stopping; \(members)"
    }
  }
}
