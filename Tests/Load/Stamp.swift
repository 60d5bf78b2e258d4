/// The head of every line of the load: its sender, its number among that sender's lines, and when it was sent.
///
/// In a line it is four words of eight letters from `a` to `p`, one for four bits, the lowest first: the sender, the
/// sequence number, and the two halves of the time. Letters, so that every server passes them on unchanged; a fixed
/// width, so that eight are read and checked at once.
struct Stamp: Equatable {
  /// The sender's number, from 0; `probe` for a line that belongs to no load.
  var sender: UInt32
  /// Which of its sender's lines this is, from 0.
  var sequence: UInt32
  /// Nanoseconds on the monotonic clock.
  var time: UInt64

  /// The sender's number in lines that only find out who is in the room already.
  static let probe = UInt32.max

  /// Bytes that a stamp takes.
  static let bytes = 32

  /// Reads the stamp at `text`, which must have `bytes` bytes. Nil if there is any byte that is not of a stamp.
  @inline(__always)
  init?(reading text: UnsafeRawPointer) {
    let sender = Self.digits(text, 0)
    let sequence = Self.digits(text, 1)
    let low = Self.digits(text, 2)
    let high = Self.digits(text, 3)
    guard (sender | sequence | low | high) & 0xF0F0_F0F0_F0F0_F0F0 == 0 else { return nil }
    self.sender = Self.gathered(sender)
    self.sequence = Self.gathered(sequence)
    time = UInt64(Self.gathered(high)) << 32 | UInt64(Self.gathered(low))
  }

  init(sender: UInt32, sequence: UInt32, time: UInt64) {
    self.sender = sender
    self.sequence = sequence
    self.time = time
  }

  /// Writes the stamp at `text`, which must have room for `bytes` bytes.
  @inline(__always)
  func write(to text: UnsafeMutableRawPointer) {
    let words = (sender, sequence, UInt32(truncatingIfNeeded: time), UInt32(truncatingIfNeeded: time >> 32))
    text.storeBytes(of: Self.letters(words.0), toByteOffset: 0, as: UInt64.self)
    text.storeBytes(of: Self.letters(words.1), toByteOffset: 8, as: UInt64.self)
    text.storeBytes(of: Self.letters(words.2), toByteOffset: 16, as: UInt64.self)
    text.storeBytes(of: Self.letters(words.3), toByteOffset: 24, as: UInt64.self)
  }

  /// `bytes` of text that follow a stamp; each differs from its neighbours, so that a missing one shows.
  static func padding(_ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(ascii: "q") + UInt8($0 % 10) } }

  private static let base: UInt64 = 0x6161_6161_6161_6161

  /// Eight letters as digits, one per byte. A byte that is no letter is over 15 afterwards, which shows it (it also borrows
  /// from the next).
  @inline(__always)
  private static func digits(_ text: UnsafeRawPointer, _ word: Int) -> UInt64 {
    UInt64(littleEndian: text.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) &- base
  }

  @inline(__always)
  private static func gathered(_ digits: UInt64) -> UInt32 {
    var value = (digits | digits >> 4) & 0x00FF_00FF_00FF_00FF
    value = (value | value >> 8) & 0x0000_FFFF_0000_FFFF
    return UInt32(truncatingIfNeeded: value | value >> 16)
  }

  @inline(__always)
  private static func letters(_ number: UInt32) -> UInt64 {
    var value = UInt64(number)
    value = (value | value << 16) & 0x0000_FFFF_0000_FFFF
    value = (value | value << 8) & 0x00FF_00FF_00FF_00FF
    value = (value | value << 4) & 0x0F0F_0F0F_0F0F_0F0F
    return (value &+ base).littleEndian
  }
}
