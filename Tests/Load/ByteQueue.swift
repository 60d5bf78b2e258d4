/// Bytes that wait, in one piece: appended at the end, taken from the front.
struct ByteQueue: ~Copyable {
  private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// Where in `storage` the bytes are.
  private var filled = 0..<0

  init() {}

  deinit { storage.deallocate() }

  var count: Int { filled.count }
  var isEmpty: Bool { filled.isEmpty }

  /// The bytes, until the queue is changed.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[filled]) }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    UnsafeMutableRawBufferPointer(start: grow(by: bytes.count), count: bytes.count).copyMemory(from: bytes)
  }

  /// Makes `count` more bytes part of the queue, which the caller fills at once.
  mutating func grow(by count: Int) -> UnsafeMutableRawPointer {
    if filled.upperBound + count > storage.count { makeRoom(for: count) }
    filled = filled.lowerBound..<filled.upperBound + count
    guard let base = storage.baseAddress else { preconditionFailure("a queue that grows has storage") }
    return base + (filled.upperBound - count)
  }

  mutating func removeFirst(_ count: Int) {
    filled = filled.lowerBound + count..<filled.upperBound
    if filled.isEmpty { filled = 0..<0 }
  }

  mutating func removeAll() { filled = 0..<0 }

  private mutating func makeRoom(for count: Int) {
    let kept = filled.count
    let needed = kept + count
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(256, needed * 2), alignment: 16)
    larger.copyMemory(from: bytes)
    storage.deallocate()
    storage = larger
    filled = 0..<kept
  }
}
