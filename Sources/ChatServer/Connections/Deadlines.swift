import ChatWire

/// Which connections have to be checked when: a binary heap, earliest first.
///
/// Entries are never removed early. One is stale unless its moment equals the connection's `nextCheckAt`; those of closed
/// connections fail the token lookup.
struct Deadlines {
  private var heap: [(moment: Moment, token: Token)] = []

  /// The earliest deadline; `never` if there is none.
  var earliest: Moment { heap.first?.moment ?? .never }

  mutating func add(_ moment: Moment, for token: Token) {
    heap.append((moment, token))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].moment < heap[parent].moment else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// Takes out the earliest, if its time has come.
  mutating func removeFirst(dueBy now: Moment) -> (moment: Moment, token: Token)? {
    guard let first = heap.first, first.moment <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].moment < heap[least].moment
      {
        least = child
      }
      if least == parent { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
