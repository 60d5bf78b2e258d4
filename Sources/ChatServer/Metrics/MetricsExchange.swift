/// One request for metrics and its answer, as HTTP/1.0 (RFC 1945) has them. It does no I/O: each mutation says what happened, and
/// returns what to do about it.
struct MetricsExchange {
  private enum State {
    case receiving([UInt8])
    /// Asked for metrics, which are not there yet.
    case awaiting
    /// From this byte on.
    case sending([UInt8], from: Int)
    /// All is sent, and the peer's end is awaited, because closing with unread input would reset the connection under what the
    /// peer has still to read.
    case lingering
  }

  enum Step: Equatable {
    case receive
    /// Get the metrics, and give them to `answer`.
    case getMetrics
    /// Send what `unsent` has.
    case send
    /// Wait for what comes next.
    case wait
    /// End this side's stream, and receive until the other one ends.
    case finish
    case close
  }

  /// Bytes of a request; longer than what any collector sends.
  static let maximumRequestBytes = 4 << 10

  private var state = State.receiving([])

  /// What is to be sent now.
  var unsent: ArraySlice<UInt8> { if case .sending(let bytes, let start) = state { bytes[start...] } else { [] } }

  mutating func received(_ bytes: some Sequence<UInt8>) -> Step {
    guard case .receiving(var request) = state else { return .wait }
    request += bytes
    guard request.count <= Self.maximumRequestBytes else { return answer(.badRequest) }
    state = .receiving(request)
    guard let line = Self.firstLine(ofWhole: request) else { return .receive }
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, words[2].starts(with: "HTTP/".utf8) else { return answer(.badRequest) }
    guard words[0].elementsEqual("GET".utf8) else { return answer(.wrongMethod) }
    let path = words[1].prefix { $0 != UInt8(ascii: "?") }
    guard path.elementsEqual("/metrics".utf8) else { return answer(.wrongPath) }
    state = .awaiting
    return .getMetrics
  }

  /// The peer has ended its stream. It may do that as soon as it has asked.
  mutating func inputEnded() -> Step {
    switch state {
    case .receiving, .lingering: .close
    case .awaiting: .wait
    case .sending: .send
    }
  }

  /// - Parameter text: the metrics that were asked for.
  mutating func answer(metrics text: String) -> Step {
    guard case .awaiting = state else { return .wait }
    return answer(.metrics(text))
  }

  mutating func sent(_ count: Int) -> Step {
    guard case .sending(let bytes, let start) = state else { return .wait }
    guard start + count == bytes.count else {
      state = .sending(bytes, from: start + count)
      return .send
    }
    state = .lingering
    return .finish
  }

  private enum Answer {
    case metrics(String)
    case badRequest, wrongPath, wrongMethod
  }

  private mutating func answer(_ answer: Answer) -> Step {
    let (status, fields, body) =
      switch answer {
      case .metrics(let text): ("200 OK", "Content-Type: \(PrometheusText.contentType)", text)
      case .badRequest: ("400 Bad Request", "Content-Type: text/plain", "Ask for GET /metrics.\n")
      case .wrongPath: ("404 Not Found", "Content-Type: text/plain", "There is only /metrics here.\n")
      case .wrongMethod: ("405 Method Not Allowed", "Content-Type: text/plain\r\nAllow: GET", "Ask by GET.\n")
      }
    let head = "HTTP/1.0 \(status)\r\n\(fields)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
    state = .sending(Array(head.utf8) + Array(body.utf8), from: 0)
    return .send
  }

  /// The first line of a request that has come to its empty line; nil before.
  private static func firstLine(ofWhole request: [UInt8]) -> ArraySlice<UInt8>? {
    let lines = request.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0
    }
    // What comes after the last newline is no line yet.
    return lines.dropLast().contains(where: \.isEmpty) ? lines.first : nil
  }
}
