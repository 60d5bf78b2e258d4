import ChatServer
import ChatWire
import Glibc
import TestSupport
import Testing

/// Heavy traffic is tested one test at a time, or the machine's two cores are all that is tested.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct OrderTests {
  @Test(
    "Fifty who all talk at once each hear every line of the others once, untorn, in one order",
    arguments: EventLayer.allCases)
  func everybodyTalks(layer: EventLayer) throws {
    let speakers = 50
    let linesEach = isSanitized ? 200 : 1000
    var random = SeededRandom.printed(for: "order on \(layer)")
    let lengths = (0..<speakers).map { _ in
      (0..<linesEach).map { NumberedLine(speaker: 0, number: $0).text(length: Int(random.next() % 2001)).count + 1 }
    }
    let line = NumberedLine.init(speaker:number:)
    // A busy machine may keep this thread, which reads for all, from running for more than the usual patience.
    let server = try RunningServer(layer) { $0.patience = .seconds(60) }
    // The last one only listens: what it hears is the order that all the others have to have heard.
    let crowd = try Crowd(of: speakers + 1, connectingTo: server.addresses[0])
    for port in crowd.ports { try server.waitForLog("[NEW CONNECTION] ('127.0.0.1', \(port)) connected.") }
    for index in 0..<speakers {
      crowd.with(index) { peer in
        for number in 0..<linesEach {
          peer.outgoing += line(index, number).text(length: lengths[index][number]) + [0x0A]
        }
      }
    }
    let speakerOfPort = Dictionary(uniqueKeysWithValues: zip(crowd.ports, 0...))
    var heard = [[NumberedLine]](repeating: [], count: speakers + 1)
    var damaged: [String] = []
    let due = { (index: Int) in (index < speakers ? speakers - 1 : speakers) * linesEach }
    let isDone = { (0...speakers).allSatisfy { heard[$0].count >= due($0) } }
    try crowd.run(within: .seconds(240), until: isDone) { index, bytes in
      guard let (port, line, length) = NumberedLine.heard(bytes), speakerOfPort[port] == Int(line.speaker),
        line.number < linesEach, length == lengths[Int(line.speaker)][Int(line.number)]
      else { return damaged.append(String(decoding: bytes, as: UTF8.self)) }
      heard[index].append(line)
    }
    #expect(damaged.isEmpty)
    let order = heard[speakers]
    #expect(order.count == speakers * linesEach)
    for speaker in 0..<speakers {
      let own = order.filter { $0.speaker == speaker }
      #expect(own == (0..<linesEach).map { line(speaker, $0) }, "the lines of \(speaker) in the order it said them")
      let others = order.filter { $0.speaker != speaker }
      #expect(heard[speaker] == others, "\(speaker) heard all others in the one order")
    }
  }
}
