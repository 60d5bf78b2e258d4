/// Counters in the text format of Prometheus, version 0.0.4.
///
/// The start has a name of its own, because node_exporter leaves out a `process_start_time_seconds` of a file, its own being there.
enum PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private enum Kind: String {
    case counter, gauge
  }

  /// - Parameter version: of the server.
  static func text(of counters: Counters, version: String) -> String {
    var text = ""
    // node_exporter takes the files of all servers of a machine together, and none of them has to be like another.
    let server = "server=\"\(quoted(counters.address?.description ?? ""))\""
    func add(_ name: String, _ kind: Kind, _ value: Int, label: String = "", _ help: String) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n\(name){\(server)\(label)} \(value)\n"
    }
    add("mychat_build_info", .gauge, 1, label: ",version=\"\(quoted(version))\"", "Which version of mychatserver runs.")
    add(
      "mychat_start_time_seconds", .gauge, counters.startedAt.seconds,
      "When the server started, in seconds since 1970.")
    add("mychat_members", .gauge, counters.members, "Connections that have a place in the room.")
    add(
      "mychat_members_behind", .gauge, counters.behind,
      "Members that have still to get lines, because their connections take no more bytes.")
    add(
      "mychat_members_held_back", .gauge, counters.heldBack,
      "Members that are not read for now, because others have to catch up.")
    add(
      "mychat_connections_accepted_total", .counter, counters.accepted, "Connections that got a place in the room.")
    add(
      "mychat_connections_refused_total", .counter, counters.refused, "Connections that were not let in.")
    add("mychat_connections_left_total", .counter, counters.left, "Members that left in order.")
    add("mychat_connections_lost_total", .counter, counters.lost, "Members whose connection broke or was given up.")
    add(
      "mychat_lines_said_total", .counter, counters.said,
      "Lines said in the room, those of the server itself included.")
    add("mychat_lines_dropped_total", .counter, counters.dropped, "Lines that members sent and that were not said.")
    add("mychat_bytes_sent_total", .counter, counters.bytesSent, "Bytes sent to all connections.")
    add(
      "mychat_log_bytes", .gauge, counters.lagBytes,
      "Bytes of the room's log that the slowest of the members who are waited for has still to get.")
    add("mychat_log_capacity_bytes", .gauge, counters.logBytes, "Bytes that the room's log can hold.")
    if let isUp = counters.isRedisUp {
      add("mychat_redis_up", .gauge, isUp ? 1 : 0, "Whether the room is shared with other servers at the moment.")
    }
    return text
  }

  private static func quoted(_ text: String) -> String {
    var quoted = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": quoted += "\\\\"
      case "\"": quoted += "\\\""
      case "\n": quoted += "\\n"
      default: quoted.unicodeScalars.append(character)
      }
    }
    return quoted
  }
}
