import ChatWire
import Glibc

/// A line of a log in JSON: an object with the five fields `time` (UTC, RFC 3339, milliseconds), `event`, `peer`, `name` and
/// `text`. The last three are null where there is nothing to say.
struct JSONLogLine {
  var event: LogEvent
  /// Which connection it is about, see `Console.PeerLabel.identity`.
  var peer: [UInt8]?
  /// What its member is called.
  var name: ArraySlice<UInt8>?
  /// Well-formed UTF-8, as `peer` and `name`.
  var text: ArraySlice<UInt8>?

  init(
    _ event: LogEvent, of peer: [UInt8]? = nil, as name: ArraySlice<UInt8>? = nil, text: ArraySlice<UInt8>? = nil
  ) {
    self.event = event
    self.peer = peer
    self.name = name
    self.text = text
  }

  /// Appends it with its newline.
  /// - Parameter time: of the clock that may be set.
  func append(to page: inout [UInt8], at time: timespec) {
    page += "{\"time\":\"".utf8
    page += WallTime.text(ofMilliseconds: time)
    page += "\",\"event\":\"\(event.rawValue)\",\"peer\":".utf8
    JSONText.append(peer?[...], to: &page)
    page += ",\"name\":".utf8
    JSONText.append(name, to: &page)
    page += ",\"text\":".utf8
    JSONText.append(text, to: &page)
    page += "}\n".utf8
  }

  /// Appends it with the time of now.
  func append(to page: inout [UInt8]) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    append(to: &page, at: now)
  }
}
