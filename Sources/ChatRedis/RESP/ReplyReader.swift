/// Cuts what comes from Redis into replies, however its bytes are split on their way.
///
/// Each byte is looked at once and copied twice. What is held is the string that has not come whole, and the elements of the
/// array around it.
package struct ReplyReader {
  /// Bytes that one string has at most.
  package static let maximumStringBytes = 64 << 20
  /// Bytes of one whole reply at most, its headers counted.
  package static let maximumReplyBytes = 128 << 20
  /// Elements of one whole reply at most, those of all its arrays together.
  package static let maximumElements = 1 << 20
  /// Arrays inside each other at most. The reply to XREAD has four.
  package static let maximumDepth = 8
  /// Bytes of an error, a simple string or a header at most.
  package static let maximumLineBytes = 64 << 10

  /// An array whose elements have not all come.
  private struct OpenArray {
    var missing: Int
    var elements: [Reply] = []
  }

  /// What has come; read up to `start`, and searched for the end of a line up to `searched`.
  private var bytes: [UInt8] = []
  private var start = 0
  private var searched = 0
  /// The length of the string whose header was read, until it has come whole.
  private var awaitedString: Int?
  /// From the outermost to the innermost.
  private var open: [OpenArray] = []
  /// Of the reply that is being read: its bytes, and elements that its arrays have announced.
  private var replyBytes = 0
  private var replyElements = 0
  private var failure: ReplyError?

  package init() {}

  /// Takes in what has come. Read all replies before the next time, so that no more is held than needed.
  package mutating func feed(_ piece: Span<UInt8>) {
    guard failure == nil else { return }
    dropWhatWasRead()
    piece.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
  }

  /// The next reply; nil if it has not come whole.
  /// - Throws: the same again each time, once something came that cannot be read.
  package mutating func next() throws(ReplyError) -> Reply? {
    if let failure { throw failure }
    do throws(ReplyError) {
      while let value = try nextValue() {
        guard let reply = close(value) else { continue }
        replyBytes = 0
        replyElements = 0
        return reply
      }
      return nil
    } catch {
      self = ReplyReader()
      failure = error
      throw error
    }
  }

  /// A value that holds no other; `.null` stands for itself, and an array that has begun yields its first element.
  private mutating func nextValue() throws(ReplyError) -> Reply? {
    while true {
      if let count = awaitedString {
        guard bytes.count - start >= count + 2 else { return nil }
        let end = start + count
        guard bytes[end] == UInt8(ascii: "\r"), bytes[end + 1] == UInt8(ascii: "\n") else {
          throw .malformed("a string of its reply does not end where it should")
        }
        let string = Array(bytes[start..<end])
        start = end + 2
        searched = start
        awaitedString = nil
        return .string(string)
      }
      guard let line = try nextLine() else { return nil }
      guard let kind = line.first else { throw .malformed("its reply has an empty line") }
      let rest = line.dropFirst()
      switch kind {
      case UInt8(ascii: "+"): return .string(Array(rest))
      case UInt8(ascii: "-"): return .error(String(decoding: rest, as: UTF8.self))
      case UInt8(ascii: ":"): return .integer(try Self.integer(rest))
      case UInt8(ascii: "$"):
        let count = try Self.integer(rest)
        if count == -1 { return .null }
        guard count >= 0 else { throw .malformed("a string of its reply has a length below 0") }
        guard count <= Self.maximumStringBytes else {
          throw .tooLarge("a string of \(count) bytes, and \(Self.maximumStringBytes) is the most")
        }
        try add(bytes: count + 2)
        awaitedString = count
      case UInt8(ascii: "*"):
        let count = try Self.integer(rest)
        if count == -1 { return .null }
        guard count >= 0 else { throw .malformed("an array of its reply has a length below 0") }
        guard open.count < Self.maximumDepth else {
          throw .tooLarge("more than \(Self.maximumDepth) arrays inside each other")
        }
        guard count <= Self.maximumElements - replyElements else {
          throw .tooLarge("more than \(Self.maximumElements) elements")
        }
        if count == 0 { return .array([]) }
        replyElements += count
        open.append(OpenArray(missing: count))
      default: throw .malformed("its reply does not begin as one of Redis does")
      }
    }
  }

  /// Puts a value into the array that it belongs to.
  /// - Returns: a whole reply; nil if more of it has to come.
  private mutating func close(_ value: Reply) -> Reply? {
    var value = value
    while !open.isEmpty {
      let last = open.count - 1
      open[last].elements.append(value)
      open[last].missing -= 1
      if open[last].missing > 0 { return nil }
      value = .array(open.removeLast().elements)
    }
    return value
  }

  /// The next line without its end; nil if that has not come.
  private mutating func nextLine() throws(ReplyError) -> ArraySlice<UInt8>? {
    guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      searched = bytes.count
      guard searched - start <= Self.maximumLineBytes else { throw Self.lineTooLong }
      return nil
    }
    guard end - start <= Self.maximumLineBytes else { throw Self.lineTooLong }
    guard end > start, bytes[end - 1] == UInt8(ascii: "\r") else {
      throw .malformed("a line of its reply ends without a carriage return")
    }
    defer {
      start = end + 1
      searched = start
    }
    try add(bytes: end + 1 - start)
    return bytes[start..<end - 1]
  }

  private static let lineTooLong = ReplyError.tooLarge("a line of more than \(maximumLineBytes) bytes")

  private mutating func add(bytes count: Int) throws(ReplyError) {
    replyBytes += count
    guard replyBytes <= Self.maximumReplyBytes else {
      throw .tooLarge("more than \(Self.maximumReplyBytes) bytes")
    }
  }

  private static func integer(_ digits: ArraySlice<UInt8>) throws(ReplyError) -> Int {
    guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
      throw .malformed("its reply has something else in the place of a number")
    }
    return number
  }

  /// Moves what is still unread to the front when at least as much was read, so that a byte is moved once at most on average.
  private mutating func dropWhatWasRead() {
    if start == bytes.count {
      // The memory of a large reply is given back.
      bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
    } else if start >= bytes.count - start {
      bytes.removeFirst(start)
    } else {
      return
    }
    searched -= start
    start = 0
  }
}
