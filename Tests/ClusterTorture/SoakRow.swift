import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let soak = Row(
    10, "an hour, 3 servers, 1,000 lines/s, Redis restarted every 5 minutes",
    asked: "0 lost, 0 doubled; memory of each server level; Redis's within its bound"
  ) { size, outcome in
    let seconds = wantedSeconds ?? size.of(3600, small: 10)
    let redis = try RedisServer(.always)
    let cluster = try ClusterUnderTest(3, on: redis, size.patience)
    let crowd = try Crowd(size.of(60, small: 12), in: cluster, lengths: 40...100, timed: true)
    let start = monotonicNanoseconds()
    let end = start + UInt64(seconds) * 1_000_000_000
    // Within the first minutes memory grows to what it takes to work.
    let warm = start + UInt64(min(600, seconds / 3)) * 1_000_000_000
    var memory = [[(x: Double, y: Double)]](repeating: [], count: 3)
    var mostOfRedis = 0
    var samples = Pace(everyNanoseconds: 1_000_000_000, from: start)
    let interval = UInt64(max(3, min(300, seconds / 4))) * 1_000_000_000
    var restarts = Pace(everyNanoseconds: interval, from: start + interval)
    var restarted = 0
    try crowd.talk(rate: size.of(1000, small: 200), within: .seconds(seconds + 120)) { now in
      try samples.forEachDue(by: now) { at in
        if at > warm {
          for (index, server) in cluster.servers.enumerated() {
            memory[index].append((Double(at - warm) / 3.6e12, Double(server.memory) / 1024))
          }
        }
        mostOfRedis = max(mostOfRedis, try memoryOfRedis(redis) ?? 0)
      }
      try restarts.forEachDue(by: now) { at in
        guard at + 3_000_000_000 < end else { return }
        // In order and by kill -9, by turns.
        if restarted % 2 == 0 { try redis.kill() } else { try redis.end() }
        try redis.start(awaitAnswer: false)
        restarted += 1
      }
      return now >= end
    }
    let room = try RoomInRedis(redis)
    try room.check(against: crowd.ledger)
    outcome.check(
      crowd.skipped == 0 && cluster.areAlive,
      "\(seconds) s, \(restarted) restarts of Redis: \(crowd.ledger.orderCount) lines heard by \(crowd.everybody.count) in one order, "
        + "none lost or doubled, and Redis has the same\(room.isTrimmed ? " of the last \(room.lineCount)" : "")")
    let slopes = memory.map { slope($0) }
    outcome.judge(
      slopes.allSatisfy { $0 <= 1 } || seconds < 1800,
      "memory \(cluster.servers.map { "\($0.memory >> 10)" }) MiB, slope \(slopes.map { $0.rounded(to: 2) }) MiB an hour"
    )
    // Bodies of 64 MiB are kept, and an entry of one short line takes as much again.
    outcome.check(mostOfRedis <= 192 << 20, "Redis took at most \(mostOfRedis >> 20) MiB")
    outcome.check(true, "between servers: \(crowd.ledger.latencies.described)")
  }

  /// Bytes that Redis has taken of its memory; nil while it does not answer.
  private static func memoryOfRedis(_ redis: RedisServer) throws -> Int? {
    guard redis.isRunning, let text = try? redis.command("INFO", "memory").text else { return nil }
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
    return line.flatMap { Int($0.dropFirst("used_memory:".count)) }
  }
}
