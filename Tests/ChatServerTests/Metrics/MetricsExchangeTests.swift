import Testing

@testable import ChatServer

/// A request for metrics and its answer, without sockets.
struct MetricsExchangeTests {
  /// What is answered to a request that comes in one piece.
  private func answer(to request: String) -> String {
    var exchange = MetricsExchange()
    var step = exchange.received(request.utf8)
    if step == .getMetrics { step = exchange.answer(metrics: "mychat_members 1\n") }
    #expect(step == .send)
    return String(decoding: exchange.unsent, as: UTF8.self)
  }

  @Test func `GET of the metrics is answered with them, in the format's own type`() {
    for request in [
      "GET /metrics HTTP/1.1\r\nHost: localhost:9464\r\nAccept: */*\r\n\r\n", "GET /metrics HTTP/1.0\r\n\r\n",
      "GET /metrics?x=1 HTTP/1.1\n\n",
    ] {
      #expect(
        answer(to: request) == "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
          + "Content-Length: 17\r\nConnection: close\r\n\r\nmychat_members 1\n")
    }
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"), ("GET /metrics/ HTTP/1.1\r\n\r\n", "404 Not Found"),
    ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"), ("get /metrics HTTP/1.1\r\n\r\n", "405 Method"),
    ("GET /metrics\r\n\r\n", "400 Bad Request"), ("\r\n\r\n", "400 Bad Request"), ("hello\n\n", "400 Bad Request"),
    (String(repeating: "x", count: 4097), "400 Bad Request"),
  ])
  func `Anything else is refused with what is wrong`(request: String, status: String) {
    let answer = answer(to: request)
    #expect(answer.hasPrefix("HTTP/1.0 \(status)"))
    #expect(answer.contains("Connection: close\r\n"))
    #expect(answer.contains("Allow: GET\r\n") == status.hasPrefix("405"))
  }

  @Test func `A request that comes byte by byte is awaited to its empty line, and one that ends before is closed`() {
    var exchange = MetricsExchange()
    let request = Array("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
    for byte in request.dropLast() { #expect(exchange.received([byte]) == .receive) }
    #expect(exchange.received([request[request.count - 1]]) == .getMetrics)
    var early = MetricsExchange()
    _ = early.received(request.dropLast())
    #expect(early.inputEnded() == .close)
  }

  @Test func `An answer that goes out in pieces is whole, and then the peer's end is awaited`() {
    var exchange = MetricsExchange()
    _ = exchange.received("GET /metrics HTTP/1.1\r\n\r\n".utf8)
    _ = exchange.answer(metrics: "mychat_members 1\n")
    let whole = Array(exchange.unsent)
    var sent: [UInt8] = []
    while let byte = exchange.unsent.first {
      sent.append(byte)
      #expect(exchange.sent(1) == (sent.count < whole.count ? .send : .finish))
    }
    #expect(sent == whole)
    #expect(exchange.received("more".utf8) == .wait)
    #expect(exchange.inputEnded() == .close)
  }
}
