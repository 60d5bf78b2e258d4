import Glibc

/// What libedit draws: into memory, where only its bell is looked for.
final class LibeditOutput {
  let stream: UnsafeMutablePointer<FILE>
  /// The C library stores buffer and length of `stream` here, so these may not move.
  private let buffer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let length: UnsafeMutablePointer<Int>

  /// Nil where there is no memory.
  init?() {
    buffer = .allocate(capacity: 1)
    length = .allocate(capacity: 1)
    buffer.initialize(to: nil)
    length.initialize(to: 0)
    guard let stream = open_memstream(buffer, length) else {
      buffer.deallocate()
      length.deallocate()
      return nil
    }
    self.stream = stream
  }

  /// Whether the bell rang since this was last asked.
  func takeBell() -> Bool {
    guard fflush(stream) == 0, let bytes = buffer.pointee, length.pointee > 0 else { return false }
    let rang = memchr(bytes, 0x07, length.pointee) != nil
    rewind(stream)
    return rang
  }

  /// libedit has ended by now.
  deinit {
    fclose(stream)
    free(buffer.pointee)
    buffer.deallocate()
    length.deallocate()
  }
}
