import Glibc

/// The least-squares slope: `y` for each unit of `x`; 0 for less than two points.
package func slope(_ points: [(x: Double, y: Double)]) -> Double {
  guard points.count > 1 else { return 0 }
  let count = Double(points.count)
  let meanX = points.reduce(0) { $0 + $1.x } / count
  let meanY = points.reduce(0) { $0 + $1.y } / count
  let covariance = points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) }
  let variance = points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
  return covariance / variance
}

/// The one in the middle, the upper one of two; 0 for none.
package func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }

/// How long a row is to last, where it would last long: `TORTURE_SECONDS` of the environment.
package var wantedSeconds: Int? { getenv("TORTURE_SECONDS").flatMap { Int(String(cString: $0)) } }
