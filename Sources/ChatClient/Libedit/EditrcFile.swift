import CEditLine
import ChatWire
import Glibc

/// The person's own settings for libedit, `~/.editrc` or what `EDITRC` names, as `el_source` would take them. That is not
/// used, because `bind -e` and `bind -v` throw away all bindings, and the client's own have to be bound again before the next
/// line of the file.
enum EditrcFile {
  /// - Returns: what to tell the person of lines that libedit does not take.
  static func apply(to editor: OpaquePointer, afterReset bindOwnKeys: () -> Void) -> [UInt8] {
    guard let path, let text = contents(of: path), let tokenizer = tok_init(nil) else { return [] }
    defer { tok_end(tokenizer) }
    var complaints: [UInt8] = []
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where line.first != UInt8(ascii: "#") {
      tok_reset(tokenizer)
      var count: CInt = 0
      var words: UnsafeMutablePointer<UnsafePointer<CChar>?>?
      // Anything else is a quotation that does not end.
      let isWhole = tok_str(tokenizer, String(decoding: line, as: UTF8.self), &count, &words) == 0
      if isWhole && count == 0 { continue }
      guard isWhole, let words, el_parse(editor, count, words) == 0 else {
        complaints += Wording.wrongSetting("\(path):\(index + 1)", SafeText.made(from: Array(line)))
        continue
      }
      if resets(words, count) { bindOwnKeys() }
    }
    return complaints
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
