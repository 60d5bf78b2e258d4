extension Report {
  /// The report as one JSON object on one line (RFC 8259). The keys are always the same, in this order; what is not known is
  /// null. Units are part of the keys.
  package var json: String {
    let (window, rate): (Int?, Double?) =
      switch load.pace {
      case .window(let window): (window, nil)
      case .rate(let rate): (nil, rate)
      }
    let fields: [(String, String)] = [
      ("address", Self.quoted(load.address.description)),
      ("protocol", Self.quoted(load.dialect.rawValue)),
      ("receivers", "\(load.receivers)"),
      ("senders", "\(load.senders)"),
      ("lines", "\(load.lines)"),
      ("bytes", "\(load.bytes)"),
      ("window", Self.number(window)),
      ("rate_per_s", Self.number(rate)),
      ("clean", isClean ? "true" : "false"),
      ("failure", failure.map(Self.quoted) ?? "null"),
      ("deliveries", "\(deliveries)"),
      ("deliveries_wanted", "\(load.deliveries)"),
      ("lost", "\(flaws.lost)"),
      ("doubled", "\(flaws.doubled)"),
      ("torn", "\(flaws.torn)"),
      ("out_of_order", "\(flaws.outOfOrder)"),
      ("notices", "\(notices)"),
      ("seconds", Self.number(Double(elapsed.nanoseconds) / 1e9)),
      ("deliveries_per_s", Self.number(deliveriesPerSecond)),
      ("latency_p50_us", Self.number(Double(latency.percentile(0.5)) / 1e3)),
      ("latency_p99_us", Self.number(Double(latency.percentile(0.99)) / 1e3)),
      ("latency_max_us", Self.number(Double(latency.maximum) / 1e3)),
      ("server_cpu_ns_per_delivery", Self.number(serverNanosecondsPerDelivery)),
      ("server_cores", Self.number(serverCores)),
      ("server_empty_kib", Self.number(emptyKiB)),
      ("server_idle_kib", Self.number(idleKiB)),
      ("server_end_kib", Self.number(endKiB)),
      ("server_bytes_per_connection", Self.number(bytesPerConnection)),
      ("connecting_seconds", Self.number(Double(connecting.nanoseconds) / 1e9)),
      ("server_cpu_us_per_connection", Self.number(serverMicrosecondsPerConnection)),
      ("own_cpu_ns_per_delivery", Self.number(ownNanosecondsPerDelivery)),
      ("own_busy_share", Self.number(ownBusyShare)),
      ("warnings", "[" + warnings.map(Self.quoted).joined(separator: ",") + "]"),
    ]
    return "{" + fields.map { "\(Self.quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
  }

  private static func number(_ number: Int?) -> String { number.map { "\($0)" } ?? "null" }

  /// Three decimals are more than any of these figures is good for.
  private static func number(_ number: Double?) -> String {
    guard let number, number.isFinite else { return "null" }
    return "\((number * 1000).rounded() / 1000)"
  }

  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
