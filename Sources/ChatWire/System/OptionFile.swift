import Glibc

/// Options in a file: `--config FILE`. Each line is an option as on the command line, its value behind the first space, or an
/// address. Blank lines and lines that begin with `#` say nothing.
///
///     # The room of the lab
///     unix:/run/mychat/lab.sock
///     --announce
///     --topic What we measure today
package struct OptionFile: Sendable {
  package struct Line: Sendable {
    /// Where it stands, as in `lab.conf:3`.
    package let place: String
    /// What it is on the command line.
    package let argument: String

    package init(place: String, argument: String) {
      self.place = place
      self.argument = argument
    }
  }

  /// A line that cannot be an argument, whatever options there are.
  package struct LineError: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  package let lines: [Line]

  private static let purpose = "the options"
  private static let maximumBytes = 64 << 10

  /// What options there are and what they mean is not known here.
  /// - Throws: `FileError` if the file cannot be read, `LineError`.
  package init(at path: String) throws { try self.init(try Self.read(path), at: path) }

  /// - Parameter path: by which errors call the file.
  init(_ bytes: [UInt8], at path: String) throws(LineError) {
    var found: [Line] = []
    // Some editors put this before a text; it is no part of it.
    let text = bytes.starts(with: "\u{FEFF}".utf8) ? bytes.dropFirst(3) : bytes[...]
    for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let place = "\(path):\(index + 1)"
      let content = Self.trimmed(line)
      guard let first = content.first, first != UInt8(ascii: "#") else { continue }
      guard !content.contains(where: Self.isControl),
        let argument = String(validating: try Self.argument(content, at: place), as: UTF8.self)
      else { throw LineError(description: "\(place): The line is no text, or has a control character in it.") }
      found.append(Line(place: place, argument: argument))
    }
    lines = found
  }

  private static func argument(_ line: ArraySlice<UInt8>, at place: String) throws(LineError) -> [UInt8] {
    guard line.first == UInt8(ascii: "-") else { return Array(line) }
    let name = line.prefix { !isBlank($0) && $0 != UInt8(ascii: "=") }
    guard !name.elementsEqual("--".utf8) else { throw LineError(description: "\(place): '--' is no option.") }
    guard !name.elementsEqual("--config".utf8) else {
      throw LineError(description: "\(place): A file of options cannot name another one.")
    }
    let rest = line[name.endIndex...]
    if rest.first == UInt8(ascii: "=") { return Array(line) }
    let value = rest.drop(while: isBlank)
    return value.isEmpty ? Array(name) : name + [UInt8(ascii: "=")] + value
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
  private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7F }

  /// A line without the blanks around it, and without the CR of a file from elsewhere.
  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { isBlank(byte) || byte == UInt8(ascii: "\r") }
    let rest = line.drop(while: isSpace)
    return rest[..<(rest.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? rest.startIndex)]
  }

  private static func read(_ path: String) throws(FileError) -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw FileError(path, for: purpose, SystemCallError("open")) }
    let file = FileDescriptor(owning: number)
    var information = stat()
    // A FIFO that nobody writes to would look as if it were empty.
    guard fstat(number, &information) == 0, information.st_mode & S_IFMT != S_IFIFO else {
      throw FileError(path, for: purpose, "it is no regular file. Choose another one.")
    }
    var bytes: [UInt8] = []
    try withUnsafeTemporaryAllocation(byteCount: maximumBytes + 1, alignment: 1) { buffer throws(FileError) in
      reading: while bytes.count <= maximumBytes {
        switch file.read(into: buffer) {
        case .bytes(let count): bytes += buffer[..<count]
        case .ended: break reading
        case .wouldBlock: throw FileError(path, for: purpose, "it is no regular file. Choose another one.")
        case .failed(let error): throw FileError(path, for: purpose, error)
        }
      }
    }
    guard bytes.count <= maximumBytes else {
      throw FileError(path, for: purpose, "it is longer than \(maximumBytes) bytes. Shorten it.")
    }
    return bytes
  }
}
