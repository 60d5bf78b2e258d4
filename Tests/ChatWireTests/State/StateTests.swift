import TestSupport
import Testing

@testable import ChatWire

/// What one program hands over to the next, as bytes.
struct StateTests {
  private struct Sample: StateCoded, Equatable {
    var numbers: [Int] = [0, -1, .max]
    var bytes: [UInt8] = Array(0...255)
    var text: String? = "grüße"
    var nothing: String?
    var names = ["a": Set<UInt16>([1, 2]), "b": []]
    var addresses = [Address.internet(host: "::1", port: 7), .unix(path: "/tmp/a b")]
    var truth = true

    init() {}

    init(from reader: inout StateReader) throws(StateError) {
      (numbers, bytes, text) = (try reader.read(), try reader.read(), try reader.read())
      (nothing, names) = (try reader.read(), try reader.read())
      (addresses, truth) = (try reader.read(), try reader.read())
    }

    func write(to writer: inout StateWriter) {
      writer.write(numbers, bytes, text, nothing, names, addresses, truth)
    }
  }

  private func state(_ value: some StateCoded) -> [UInt8] {
    var writer = StateWriter()
    writer.write(value)
    return writer.bytes
  }

  private func error(of state: [UInt8]) -> StateError? {
    do throws(StateError) {
      var reader = try StateReader(state)
      _ = try reader.read(Sample.self)
      try reader.finish()
      return nil
    } catch { return error }
  }

  @Test func `All that is written reads back the same`() throws {
    var reader = try StateReader(state(Sample()))
    #expect(try reader.read(Sample.self) == Sample())
    try reader.finish()
  }

  @Test func `What ends anywhere too early is refused, and says so`() {
    let whole = state(Sample())
    for count in 15..<whole.count {
      let error = error(of: Array(whole[..<count]))
      guard case .tooShort? = error else {
        Issue.record("\(count) of \(whole.count) bytes: \(String(describing: error))")
        return
      }
    }
    #expect(error(of: whole + [0]) == .rest(bytes: 1))
  }

  @Test func `What is no state, or one of another format, is refused by name`() {
    #expect(error(of: Array("#!/bin/sh\n".utf8)) == .foreign)
    #expect(error(of: []) == .foreign)
    var other = state(Sample())
    other[StateWriter.heading.count] = 99
    #expect(error(of: other) == .format(99))
    #expect("\(StateError.format(99))" == "it is in format 99, and this program knows format 1")
  }

  @Test func `No change of a byte makes reading trap or ask for much memory`() {
    let whole = state(Sample())
    var random = SeededRandom(seed: 7)
    for _ in 0..<20_000 {
      var changed = whole
      for _ in 0...random.next() % 3 {
        changed[Int(random.next() % UInt64(changed.count))] = UInt8(truncatingIfNeeded: random.next() >> 24)
      }
      _ = error(of: changed)
    }
  }
}
