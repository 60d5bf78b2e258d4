extension Report {
  /// The report as people read it: a line for the load, a row for each finding, and what to know about them.
  package var table: String {
    var rows: [(String, String)] = [
      (
        "deliveries",
        "\(Self.grouped(deliveries)) of \(Self.grouped(load.deliveries)): \(Self.grouped(flaws.lost)) lost, "
          + "\(Self.grouped(flaws.doubled)) doubled, \(Self.grouped(flaws.torn)) torn, "
          + "\(Self.grouped(flaws.outOfOrder)) out of order"
      ),
      ("deliveries/s", Self.grouped(Int(deliveriesPerSecond.rounded()))),
    ]
    if latency.count > 0 {
      let parts = [("p50", latency.percentile(0.5)), ("p99", latency.percentile(0.99)), ("max", latency.maximum)]
      rows.append(("latency", parts.map { "\($0.0) \(Self.duration($0.1))" }.joined(separator: ", ")))
    }
    if let perDelivery = serverNanosecondsPerDelivery, let cores = serverCores {
      rows.append(
        ("server's CPU", "\(Self.decimal(perDelivery)) ns per delivery, \(Self.percent(cores)) of a core"))
    }
    if let emptyKiB, let idleKiB, let endKiB, let bytesPerConnection {
      rows.append(
        (
          "server's memory",
          "\(Self.grouped(emptyKiB)) KiB before, \(Self.grouped(idleKiB)) KiB with everybody in the room "
            + "(\(Self.grouped(bytesPerConnection)) bytes each), \(Self.grouped(endKiB)) KiB at the end"
        ))
    }
    var entering = "\(Self.grouped(load.connections)) connections in \(Self.duration(connecting.nanoseconds))"
    if let cost = serverMicrosecondsPerConnection { entering += ", \(Self.decimal(cost)) µs of the server's CPU each" }
    rows.append(("connecting", entering))
    rows.append(
      (
        "mychatload",
        "\(Self.decimal(ownNanosecondsPerDelivery)) ns per delivery, busy \(Self.percent(ownBusyShare)) of the time"
      ))
    if notices > 0 { rows.append(("notices", "the server itself said \(Self.grouped(notices)) lines")) }

    let width = rows.map(\.0.count).max() ?? 0
    var text = heading + "\n\n"
    for (label, value) in rows {
      text += label + String(repeating: " ", count: width - label.count + 2) + value + "\n"
    }
    for warning in warnings { text += "\nWarning: \(warning)\n" }
    return text
  }

  private var heading: String {
    let pace =
      switch load.pace {
      case .window(let window): "at most \(Self.grouped(window)) on their way"
      case .rate(let rate): "\(Self.decimal(rate)) a second"
      }
    return "\(load.address) (\(load.dialect.rawValue)): \(Self.grouped(load.receivers)) receivers, "
      + "\(Self.grouped(load.senders)) sending, \(Self.grouped(load.lines)) lines of \(load.bytes) bytes, \(pace)"
  }

  // MARK: Numbers

  /// With a comma after each three digits: `1,980,000`.
  package static func grouped(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }

  /// With one decimal below 100, and none above: `95.3`, `1,080`.
  package static func decimal(_ number: Double) -> String {
    guard number.isFinite else { return "-" }
    if number.magnitude >= 99.95 { return grouped(Int(number.rounded())) }
    let tenths = Int((number * 10).rounded())
    return tenths.isMultiple(of: 10)
      ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths / 10)).\(abs(tenths % 10))"
  }

  package static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

  /// In the unit that suits: `850 ns`, `62.5 µs`, `1.2 ms`, `3 s`.
  package static func duration(_ nanoseconds: UInt64) -> String {
    switch nanoseconds {
    case ..<1000: "\(nanoseconds) ns"
    case ..<1_000_000: "\(decimal(Double(nanoseconds) / 1e3)) µs"
    case ..<1_000_000_000: "\(decimal(Double(nanoseconds) / 1e6)) ms"
    default: seconds(Double(nanoseconds) / 1e9)
    }
  }

  package static func seconds(_ seconds: Double) -> String { "\(decimal(seconds)) s" }
}
