import ChatWire
import Dispatch

/// A peer on a Unix socket that is not in the room yet, because the system is still asked for its login.
final class ArrivingPeer {
  private var descriptor: FileDescriptor?
  let address: SocketAddress
  let listener: Listener
  /// When it comes in without a login.
  let until: Moment

  init(_ descriptor: consuming FileDescriptor, from address: SocketAddress, at listener: Listener, until: Moment) {
    self.descriptor = consume descriptor
    self.address = address
    self.listener = listener
    self.until = until
  }

  /// Its descriptor; nil if that was taken already.
  var number: CInt? {
    switch descriptor {
    case .some(let descriptor): descriptor.number
    case nil: nil
    }
  }

  /// Its connection; nil if that was taken already.
  func takeDescriptor() -> FileDescriptor? { descriptor.take() }
}

/// What is under way about who members are, at a server that listens on a Unix socket: who waits for what the system says.
///
/// Confined to the server's queue.
struct Identification {
  /// Where the system is asked, so that the room does not wait for it.
  let queue = DispatchQueue(label: "mychat.accounts")
  var directory: LoginDirectory

  init(directory: LoginDirectory = LoginDirectory()) { self.directory = directory }

  /// Peers that have no token yet, in the order in which they came, by their users.
  private var arriving: [UInt32: [ArrivingPeer]] = [:]
  /// How many these are. They have places in the room.
  private(set) var arrivingCount = 0

  /// A member that wants a name.
  private struct NameCheck {
    let question: AccountQuestion
    let until: Moment
  }
  private var nameChecks: [Token: NameCheck] = [:]
  /// The same by their questions.
  private var askers: [AccountQuestion: Set<Token>] = [:]

  // MARK: Peers

  /// All that wait, each user's in the order in which they came.
  var allArriving: [ArrivingPeer] { arriving.values.flatMap(\.self) }

  /// - Returns: whether it is the first of its user that waits.
  mutating func add(_ peer: ArrivingPeer, of userID: UInt32) -> Bool {
    arriving[userID, default: []].append(peer)
    arrivingCount += 1
    return arriving[userID]?.count == 1
  }

  /// When the first of a user's peers comes in without a login; nil if none waits.
  func deadline(ofUser userID: UInt32) -> Moment? { arriving[userID]?.first?.until }

  /// Takes those of a user that came in time to be let in now: all of them, or those whose time is over.
  mutating func takeArriving(of userID: UInt32, dueBy deadline: Moment) -> [ArrivingPeer] {
    let peers = arriving[userID] ?? []
    let due = peers.prefix { $0.until <= deadline }
    arriving[userID] = due.count == peers.count ? nil : Array(peers[due.count...])
    arrivingCount -= due.count
    return Array(due)
  }

  /// Closes the connections of all that wait.
  mutating func dropArriving() {
    arriving = [:]
    arrivingCount = 0
  }

  // MARK: Names

  /// Until when a member waits for the name that it wants; nil if it does not.
  func nameDeadline(of token: Token) -> Moment? { nameChecks[token]?.until }

  mutating func waitForName(_ token: Token, asking question: AccountQuestion, until: Moment) {
    // What it waits for already must not be withdrawn.
    if nameChecks[token]?.question != question { endNameCheck(of: token) }
    nameChecks[token] = NameCheck(question: question, until: until)
    askers[question, default: []].insert(token)
  }

  /// The member has its answer, or has left. What was asked for it alone is not asked any more.
  mutating func endNameCheck(of token: Token) {
    guard let question = nameChecks.removeValue(forKey: token)?.question else { return }
    askers[question]?.remove(token)
    guard askers[question]?.isEmpty == true else { return }
    askers[question] = nil
    directory.withdraw(question)
  }

  /// Members that wait for this answer.
  func askers(of question: AccountQuestion) -> Set<Token> { askers[question] ?? [] }
}
