import CEditLine
import ChatWire
import Glibc

/// The person's own settings for libedit, `~/.editrc` or what `EDITRC` names, as `el_source` would take them. That is not
/// used, because `bind -e` and `bind -v` throw away all bindings, and the client's own have to be bound again before the next
/// line of the file.
enum EditrcFile {
  static func apply(to editor: OpaquePointer, afterReset bindOwnKeys: () -> Void) {
    guard let path, let text = contents(of: path), let tokenizer = tok_init(nil) else { return }
    defer { tok_end(tokenizer) }
    for line in text.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
      tok_reset(tokenizer)
      var count: CInt = 0
      var words: UnsafeMutablePointer<UnsafePointer<CChar>?>?
      guard tok_str(tokenizer, String(decoding: line, as: UTF8.self), &count, &words) == 0, let words, count > 0 else {
        continue
      }
      el_parse(editor, count, words)
      if resets(words, count) { bindOwnKeys() }
    }
  }

  private static func resets(_ words: UnsafeMutablePointer<UnsafePointer<CChar>?>, _ count: CInt) -> Bool {
    let texts = (0..<Int(count)).compactMap { words[$0].map { String(cString: $0) } }
    return texts.count == 2 && (texts[0] == "bind" || texts[0].hasSuffix(":bind")) && ["-e", "-v"].contains(texts[1])
  }

  private static var path: String? {
    if let given = getenv("EDITRC") { return String(cString: given) }
    return getenv("HOME").map { "\(String(cString: $0))/.editrc" }
  }

  private static func contents(of path: String) -> [UInt8]? {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    let file = FileDescriptor(owning: number)
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    // A file of settings is short; of another one no more than 1 MiB is read.
    while text.count < 1 << 20, case .bytes(let count) = piece.withUnsafeMutableBytes({ file.read(into: $0) }) {
      text += piece[..<count]
    }
    return text
  }
}
