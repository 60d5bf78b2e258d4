/// A reply of Redis, as its protocol RESP2 has them (https://redis.io/docs/latest/develop/reference/protocol-spec/).
package enum Reply: Hashable, Sendable {
  /// A simple string or a bulk string.
  case string([UInt8])
  /// The command was refused. The text begins with a code in capitals, as in `LOADING Redis is loading the dataset in memory`.
  case error(String)
  case integer(Int)
  /// A null bulk string or a null array.
  case null
  case array([Reply])
}

extension Reply {
  /// Its bytes, if it is a string.
  package var bytes: [UInt8]? { if case .string(let bytes) = self { bytes } else { nil } }

  /// Its text, if it is a string of well-formed UTF-8.
  package var text: String? { bytes.flatMap { String(validating: $0, as: UTF8.self) } }

  /// Its number, if it is an integer, or a string that is written as one.
  package var number: Int? { if case .integer(let number) = self { number } else { text.flatMap { Int($0) } } }

  /// Its elements, if it is an array.
  package var elements: [Reply]? { if case .array(let elements) = self { elements } else { nil } }
}

/// What is no reply of Redis, or one that is larger than any that was asked for. The connection is of no more use.
package enum ReplyError: Error, Hashable, CustomStringConvertible {
  /// The text says what is wrong, and shows nothing of what came.
  case malformed(String)
  /// The text says what there is too much of, and how much is allowed.
  case tooLarge(String)

  package var description: String {
    switch self {
    case .malformed(let what): "what answers there is not Redis, because \(what)"
    case .tooLarge(let what): "Redis sent a reply with \(what)"
    }
  }
}
