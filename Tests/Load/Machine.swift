import Glibc
import TestSupport

/// The machine and the day of a measurement.
package struct Machine {
  let processor: String
  package let cores: Int
  let kernel: String
  /// The day, in UTC, as in `2026-11-22`.
  let date: String

  package init(processor: String, cores: Int, kernel: String, date: String) {
    (self.processor, self.cores, self.kernel, self.date) = (processor, cores, kernel, date)
  }

  /// This machine, today.
  package static var current: Machine {
    let model = text(ofFile: "/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
    let processor = model?.split(separator: ":", maxSplits: 1).last.map { $0.drop { $0 == " " } }

    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }

    var (now, parts) = (time(nil), tm())
    gmtime_r(&now, &parts)
    func twoDigits(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }

    return Machine(
      processor: processor.map(String.init) ?? "unknown processor", cores: sysconf(CInt(_SC_NPROCESSORS_ONLN)),
      kernel: release, date: "\(parts.tm_year + 1900)-\(twoDigits(parts.tm_mon + 1))-\(twoDigits(parts.tm_mday))")
  }

  package var description: String { "\(processor), \(cores) cores, Linux \(kernel), \(date)" }
}
