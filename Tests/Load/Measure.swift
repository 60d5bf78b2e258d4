import ChatWire

/// Runs `load` and reports what was found. What goes wrong once lines flow is part of the report.
/// - Throws: what kept the load from beginning.
package func measure(_ load: Load, onProgress: @escaping (Progress) -> Void) throws(LoadFailure) -> Report {
  if let problem = load.problem { throw LoadFailure(description: problem) }
  let spare = 32
  let limit = raiseDescriptorLimit()
  guard load.connections <= limit - spare else {
    throw LoadFailure(
      description:
        "This load needs \(load.connections) connections, and this process may have \(limit) open files at most. "
        + "Ask for fewer --receivers, or raise the hard limit (ulimit -Hn).")
  }
  let server: ServerProcess?
  if let pid = load.process { server = try ServerProcess(pid: pid) } else { server = nil }
  var run = try LoadRun(load, server: server, onProgress: onProgress)
  return try run.run()
}
