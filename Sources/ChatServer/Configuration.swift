import ChatRedis
import ChatWire
import Dispatch
import Glibc

/// What a server may be told, and the limits it keeps, each with its reason.
package struct Configuration: Sendable {
  /// Where to listen for members, besides on sockets that are inherited.
  package var addresses: [Address] = []
  /// Where to listen for proxies that say in front of each connection whom they pass on (the PROXY protocol).
  package var proxyAddresses: [Address] = []
  /// Where it listens for members if it inherits nothing: on the standard address if it was told of none at all.
  var addressesOrStandard: [Address] { addresses.isEmpty && proxyAddresses.isEmpty ? [.standard] : addresses }

  /// Whether it listens on addresses that other machines can reach.
  package var allowsRemote = false
  /// Who may connect to Unix sockets.
  package var socketAccess = SocketAccess()

  /// Bytes of what was said that are kept for members that are behind: some 16,000 lines of chat, and small enough to stay
  /// in a processor's cache while it is written to one member after the other.
  package var logBytes = 1 << 20
  /// Bytes of one line, its end not counted: as it is sent, and as it is said.
  package var maximumLineBytes = 8192
  /// Members at one time; nil for as many as the descriptor limit has room for.
  package var maximumMembers: Int?

  /// Connections from one address at one time; nil for no limit.
  package var maximumPerAddress: Int?
  /// How fast a member may send; nil for as fast as it can.
  package var rate: RateLimit?

  /// The file that keeps what is said, with its times; nil for none.
  package var transcript: String?
  /// The directory that keeps what has to survive a restart; nil for none.
  package var stateDirectory: String?
  /// The file whose first line makes an operator of whoever gives it; nil for no operators.
  package var operatorTokenFile: String?
  /// Logins whose members are operators.
  package var operators: Set<String> = []
  /// What the system says of accounts. It may take as long as it likes.
  package var lookUpAccount: @Sendable (AccountQuestion) -> AccountAnswer = { $0.answerOfSystem }
  /// How long a peer on a Unix socket waits for its login, and a member for a name that may be one.
  package var accountPatience = Duration.seconds(2)

  /// Whether a member on a Unix socket may be called so: a login that can be a name, or `uid-1001`.
  package static func canBeLogin(_ text: String) -> Bool {
    switch NameRule.name(from: Array(text.utf8)[...]) {
    case .success(let name): name.bytes == Array(text.utf8)
    case .failure(let refusal): refusal == .userID && text.utf8.first == UInt8(ascii: "u")
    }
  }
  /// The file that gets the counters for Prometheus every 15 s; nil for none.
  package var metricsFile: String?
  /// Where Prometheus can ask for the counters: loopback or a Unix socket; nil for nowhere.
  package var metricsAddress: Address?
  /// The room of a Redis that this server shares with others; nil for a room of its own.
  package var redis: RedisAddress?

  /// Who is told how the server does; nil for nobody.
  package var notifySocket: NotifySocket?

  /// Whether it is said who comes and who goes.
  package var announces = false
  /// Lines of before that a member gets when it comes.
  package var replayedLines = 0
  /// What the room is about; nil if nothing is said of that.
  package var topic: String?
  /// What a member is told when it comes, line by line, safe to show.
  package var welcome: [String] = []

  package static let maximumTopicBytes = 300
  private static let maximumWelcomeBytes = 4 << 10

  /// Reads the lines of a `--welcome` file, made safe.
  package static func welcome(fromFile path: String) throws(FileError) -> [String] {
    let purpose = "the welcome"
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw FileError(path, for: purpose, SystemCallError("open")) }
    let file = FileDescriptor(owning: number)
    var bytes: [UInt8] = []
    try withUnsafeTemporaryAllocation(byteCount: maximumWelcomeBytes + 1, alignment: 1) { buffer throws(FileError) in
      switch file.read(into: buffer) {
      case .bytes(let count): bytes += buffer[..<count]
      case .ended: break
      case .wouldBlock: throw FileError(path, for: purpose, "it is no regular file. Choose another one.")
      case .failed(let error): throw FileError(path, for: purpose, error)
      }
    }
    guard bytes.count <= maximumWelcomeBytes else {
      throw FileError(path, for: purpose, "it is longer than \(maximumWelcomeBytes) bytes. Shorten it.")
    }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      String(decoding: SafeText.made(from: Array($0)), as: UTF8.self)
    }
  }

  /// How long the header of a proxy is awaited.
  package var headerPatience = Duration.seconds(5)
  /// How long a crowded room waits before the members that lag by more than half the window lose their protection.
  package var patience = Duration.seconds(1)
  /// The pause that ends a message of a peer that ends none itself. Longer than the gap between two packets of one message
  /// on a network at hand, shorter than a person notices.
  package var quietInterval = Duration.milliseconds(50)
  /// How long a member's machine may answer nothing while bytes are on their way to it.
  package var silenceLimit = Duration.seconds(30)
  /// How long a member may take no byte although its machine answers. Much longer, because the window of a program that
  /// reads a few KB a second opens in large steps.
  package var standstillLimit = Duration.seconds(300)
  /// How long a peer that ended its stream may still say what the rate holds back; its place is taken for as long.
  package var departureLimit = Duration.seconds(30)
  /// How long what still comes from a member that leaves is awaited, so that closing does not throw away what it has yet
  /// to read. Also the most that all goodbyes take together when the server stops.
  package var goodbye = Duration.seconds(2)

  /// Descriptors that are not for members: standard streams, the event layer's, listeners, libdispatch's own.
  package static let reservedDescriptors = 64

  package var eventLayer = EventLayer.epoll

  package init() {}

  var progressLimits: ProgressWatch.Limits { ProgressWatch.Limits(silent: silenceLimit, stalled: standstillLimit) }
}
