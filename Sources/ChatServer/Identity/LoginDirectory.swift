import ChatWire

/// What the system has said of accounts lately, and what it is to be asked: one question at a time, because the thread that asks
/// may hang for as long as a directory in the network does, and each once, whoever wants to know.
///
/// A value without a thread and a clock; `Server+Identity.swift` has these.
struct LoginDirectory {
  /// How long an answer holds, also one that there is no such account, and one that could not be had.
  static let freshness = Duration.seconds(300)
  /// Answers that are kept; beyond these, all are forgotten.
  static let capacity = 4096

  fileprivate struct Entry {
    let answer: AccountAnswer
    let until: Moment
  }

  private var entries: [AccountQuestion: Entry] = [:]
  private var underWay: AccountQuestion?
  /// Those to be asked next, in their order; some may have been withdrawn since. Logins come first, so that nobody keeps others
  /// from theirs by asking for names.
  private var logins: ArraySlice<AccountQuestion> = []
  private var names: ArraySlice<AccountQuestion> = []
  /// Those of both that were not withdrawn.
  private var wanted: Set<AccountQuestion> = []

  /// The answer if it is known; if not, the question is to be asked.
  mutating func ask(_ question: AccountQuestion, at now: Moment) -> AccountAnswer? {
    if let entry = entries[question], now < entry.until { return entry.answer }
    if underWay == question || !wanted.insert(question).inserted { return nil }
    switch question {
    case .login: logins.append(question)
    case .user: names.append(question)
    }
    return nil
  }

  /// Nobody waits for the answer any more. One that is under way is kept all the same when it comes.
  mutating func withdraw(_ question: AccountQuestion) { wanted.remove(question) }

  /// What the system is to be asked now; nil while it is asked something.
  mutating func next() -> AccountQuestion? {
    guard underWay == nil else { return nil }
    while let question = logins.popFirst() ?? names.popFirst() {
      if wanted.remove(question) == nil { continue }
      underWay = question
      return question
    }
    return nil
  }

  /// The system has answered.
  /// - Returns: the question; nil if none was under way.
  mutating func take(_ answer: AccountAnswer, at now: Moment) -> AccountQuestion? {
    guard let question = underWay else { return nil }
    underWay = nil
    if entries.count >= Self.capacity { entries = [:] }
    entries[question] = Entry(answer: answer, until: now + Self.freshness)
    return question
  }
}

/// The answers. What the system was being asked it is asked again, as who wants to know comes again.
extension LoginDirectory: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { entries = try reader.read() }
  func write(to writer: inout StateWriter) { writer.write(entries) }
}

extension LoginDirectory.Entry: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (answer, until) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(answer, until) }
}

extension AccountQuestion: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .login(of: try reader.read())
    case 1: self = .user(named: try reader.read())
    case let tag: throw reader.unknown(tag, "question about accounts")
    }
  }

  package func write(to writer: inout StateWriter) {
    switch self {
    case .login(let userID): writer.write(UInt8(0), userID)
    case .user(let name): writer.write(UInt8(1), name)
    }
  }
}

extension AccountAnswer: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .found(login: try reader.read(), userID: try reader.read())
    case 1: self = .absent
    case 2: self = .failed
    case let tag: throw reader.unknown(tag, "answer about accounts")
    }
  }

  package func write(to writer: inout StateWriter) {
    switch self {
    case .found(let login, let userID): writer.write(UInt8(0), login, userID)
    case .absent: writer.write(UInt8(1))
    case .failed: writer.write(UInt8(2))
    }
  }
}
