import ChatWire
import Dispatch

/// What a server may be told, and the limits it keeps, each with its reason.
package struct Configuration: Sendable {
  /// Where to listen; at least one.
  package var addresses: [Address] = [.standard]

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
