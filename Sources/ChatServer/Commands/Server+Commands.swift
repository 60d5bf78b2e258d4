import ChatWire

/// What a member asks for by a line that is no message.
extension Server {
  /// Acts on a line that begins with a slash, or asks who is here.
  func perform(_ kind: ClientLine, _ line: Span<UInt8>, by connection: Connection) -> Verdict {
    switch kind {
    case .escaped: return submit(line.extracting(droppingFirst: 1), by: connection)
    default: return .taken
    }
  }
}
