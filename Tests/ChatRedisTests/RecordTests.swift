import ChatRedis
import Testing

@Test func `A record is read as it was written`() throws {
  let record = Record.left(MemberID(server: .random(), number: 42))
  #expect(Record(parsing: record.line.dropLast()[...]) == record)
}
