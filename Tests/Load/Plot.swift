import Glibc

/// Lines over two logarithmic axes, as a picture (SVG 1.1) that suits light and dark pages.
package struct Plot {
  package struct Line {
    var name: String
    /// Points by rising x; both coordinates over 0.
    var points: [(x: Double, y: Double)]

    package init(name: String, points: [(x: Double, y: Double)]) { (self.name, self.points) = (name, points) }
  }

  package struct Panel {
    var title: String
    var xLabel: String
    var yLabel: String
    var xTicks: [Double]
    var xText: (Double) -> String
    var yText: (Double) -> String
    /// The first is the one that matters; it is drawn last and thicker.
    var lines: [Line]

    package init(
      title: String, xLabel: String, yLabel: String, xTicks: [Double], xText: @escaping (Double) -> String,
      yText: @escaping (Double) -> String, lines: [Line]
    ) {
      (self.title, self.xLabel, self.yLabel, self.xTicks) = (title, xLabel, yLabel, xTicks)
      (self.xText, self.yText, self.lines) = (xText, yText, lines)
    }
  }

  private let title: String
  private let panels: [Panel]

  package init(title: String, panels: [Panel]) { (self.title, self.panels) = (title, panels) }

  /// Sizes in the picture's own units.
  private enum Size {
    static let plotWidth = 400.0
    static let plotHeight = 280.0
    static let left = 70.0
    /// Room for the names at the ends of the lines.
    static let right = 110.0
    static let top = 62.0
    static let bottom = 52.0
    static let labelHeight = 15.0
  }

  /// The picture. The colours are told apart by people who see red and green alike (Okabe and Ito's palette).
  package var svg: String {
    let panelWidth = Size.left + Size.plotWidth + Size.right
    let width = panelWidth * Double(panels.count)
    let height = Size.top + Size.plotHeight + Size.bottom
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.coordinate(width)) \(Self.coordinate(height))" \
      width="\(Self.coordinate(width))" height="\(Self.coordinate(height))" role="img" aria-label="\(Self.escaped(title))">
      <style>
      text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #57606a }
      .title { font-size: 15px; font-weight: 600; fill: #1f2328 }
      .panel { font-weight: 600 }
      .grid { stroke: #d8dee4; stroke-width: 1 }
      .line { fill: none; stroke-width: 1.75; stroke-linejoin: round }
      .name { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; stroke-linejoin: round }
      .first { stroke-width: 3 }
      .name.first { font-weight: 600; stroke-width: 3px }
      \(Self.colours(["#0060b0", "#b8460e", "#00795a", "#a3457f", "#6b6b6b"]))
      @media (prefers-color-scheme: dark) {
      text { fill: #9198a1 }
      .title { fill: #f0f6fc }
      .grid { stroke: #30363d }
      .name { stroke: #0d1117 }
      \(Self.colours(["#56b4e9", "#f0883e", "#2fbf8f", "#e08bbd", "#b0b0b0"]))
      }
      </style>
      <text class="title" x="\(Self.coordinate(Size.left))" y="22">\(Self.escaped(title))</text>

      """
    let values = panels.flatMap(\.lines).flatMap(\.points).map(\.y)
    for (index, panel) in panels.enumerated() {
      text += "<g transform=\"translate(\(Self.coordinate(Double(index) * panelWidth)) 0)\">\n"
      // One range for all panels, so that they can be compared.
      if let low = values.min(), let high = values.max(), low > 0 {
        text += Self.drawn(panel, yTicks: Self.ticks(from: low, to: high))
      } else {
        text +=
          "<text x=\"\(Self.coordinate(Size.left))\" y=\"\(Self.coordinate(Size.top))\">nothing was measured</text>\n"
      }
      text += "</g>\n"
    }
    return text + "</svg>\n"
  }

  private static func colours(_ colours: [String]) -> String {
    colours.enumerated()
      .map { ".line.c\($0), .dot.c\($0) { stroke: \($1) } .dot.c\($0), .name.c\($0) { fill: \($1) }" }
      .joined(separator: "\n")
  }

  private static func drawn(_ panel: Panel, yTicks: [Double]) -> String {
    let (firstX, lastX) = (panel.xTicks[0], panel.xTicks[panel.xTicks.count - 1])
    let x = Scale(from: firstX, to: lastX, start: Size.left, end: Size.left + Size.plotWidth)
    let y = Scale(from: yTicks[0], to: yTicks[yTicks.count - 1], start: Size.top + Size.plotHeight, end: Size.top)

    var text = ""
    func add(_ label: String, _ x: Double, _ y: Double, anchor: String = "start", class name: String = "") {
      let style = name.isEmpty ? "" : " class=\"\(name)\""
      text +=
        "<text\(style) x=\"\(coordinate(x))\" y=\"\(coordinate(y))\" text-anchor=\"\(anchor)\">\(escaped(label))</text>\n"
    }
    // The y axis's label stands level above it, where it can be read without turning one's head.
    add(
      panel.title.isEmpty ? panel.yLabel : "\(panel.yLabel), \(panel.title)", Size.left, Size.top - 16, class: "panel")
    for tick in yTicks {
      let place = y.place(tick)
      text +=
        "<path class=\"grid\" d=\"M\(coordinate(Size.left)) \(coordinate(place))h\(coordinate(Size.plotWidth))\"/>\n"
      add(panel.yText(tick), Size.left - 8, place + 4, anchor: "end")
    }
    let bottom = Size.top + Size.plotHeight
    for tick in panel.xTicks {
      text += "<path class=\"grid\" d=\"M\(coordinate(x.place(tick))) \(coordinate(bottom))v5\"/>\n"
      add(panel.xText(tick), x.place(tick), bottom + 19, anchor: "middle")
    }
    add(panel.xLabel, Size.left + Size.plotWidth / 2, bottom + 40, anchor: "middle")

    let paths = panel.lines.map { line in line.points.map { (x: x.place($0.x), y: y.place($0.y)) } }
    for (index, path) in paths.enumerated().reversed() where !path.isEmpty {
      let steps = path.map { "\(coordinate($0.x)) \(coordinate($0.y))" }.joined(separator: "L")
      text += "<path class=\"line c\(index)\(index == 0 ? " first" : "")\" d=\"M\(steps)\"/>\n"
      for dot in path {
        text += "<circle class=\"dot c\(index)\" cx=\"\(coordinate(dot.x))\" cy=\"\(coordinate(dot.y))\" "
        text += "r=\"\(index == 0 ? "3.5" : "2.5")\"/>\n"
      }
    }
    for (index, label) in labels(of: paths).enumerated() {
      guard let label else { continue }
      add(
        panel.lines[index].name, label.x, label.y, anchor: label.isCentered ? "middle" : "start",
        class: "name c\(index)\(index == 0 ? " first" : "")")
    }
    return text
  }

  /// Where the name of each line goes: right of its end, moved up or down as far as it takes to be read beside others there.
  /// A line that ends early has its name above its end, or below if another line is close above.
  private static func labels(
    of paths: [[(x: Double, y: Double)]]
  ) -> [(x: Double, y: Double, isCentered: Bool)?] {
    let edge = Size.left + Size.plotWidth
    let atEdge = paths.indices.filter { (paths[$0].last?.x ?? 0) > edge - 1 }
      .sorted { (paths[$0].last?.y ?? 0) < (paths[$1].last?.y ?? 0) }
    let heights = spread(atEdge.map { paths[$0].last?.y ?? 0 }, by: Size.labelHeight)
    return paths.indices.map { index in
      guard let end = paths[index].last else { return nil }
      if let rank = atEdge.firstIndex(of: index) { return (edge + 8, heights[rank] + 4, false) }
      let isCrowded = paths.indices.contains { other in
        other != index && paths[other].contains { abs($0.x - end.x) < 1 && (0..<30).contains(end.y - $0.y) }
      }
      return (end.x, isCrowded ? end.y + 20 : end.y - 10, true)
    }
  }

  /// Rising numbers, moved as little as it takes to be `distance` apart: those that touch share the move.
  package static func spread(_ wanted: [Double], by distance: Double) -> [Double] {
    var groups: [(center: Double, count: Int)] = []
    for value in wanted {
      groups.append((value, 1))
      while groups.count > 1 {
        let (lower, upper) = (groups[groups.count - 2], groups[groups.count - 1])
        guard upper.center - lower.center < distance * Double(lower.count + upper.count) / 2 else { break }
        let count = lower.count + upper.count
        let center = (lower.center * Double(lower.count) + upper.center * Double(upper.count)) / Double(count)
        groups.removeLast(2)
        groups.append((center, count))
      }
    }
    return groups.flatMap { group in
      (0..<group.count).map { group.center + (Double($0) - Double(group.count - 1) / 2) * distance }
    }
  }

  /// Round numbers from at most `low` to at least `high`: powers of ten, and 2 and 5 times those where there are few.
  package static func ticks(from low: Double, to high: Double) -> [Double] {
    func powers(_ factors: [Double]) -> [Double] {
      let all = (-1...13).flatMap { exponent in factors.map { $0 * pow(10, Double(exponent)) } }
      let first = all.lastIndex { $0 <= low } ?? 0
      let last = all.firstIndex { $0 >= high } ?? all.count - 1
      return Array(all[first...max(last, first + 1)])
    }
    let fine = powers([1, 2, 5])
    return fine.count <= 8 ? fine : powers([1])
  }

  /// A logarithmic axis: numbers to places in the picture.
  private struct Scale {
    var from: Double
    var to: Double
    var start: Double
    var end: Double

    func place(_ value: Double) -> Double { start + (end - start) * log(value / from) / log(to / from) }
  }

  /// With one decimal.
  private static func coordinate(_ value: Double) -> String {
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
  }
}
