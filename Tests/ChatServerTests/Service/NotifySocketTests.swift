import ChatServer
import Testing

/// What a service manager says in the environment.
struct NotifySocketTests {
  private func socket(_ variables: [String: String]) -> NotifySocket? {
    NotifySocket(processID: 42) { variables[$0] }
  }

  @Test(arguments: ["/run/systemd/notify", "@/org/freedesktop/notify"])
  func `A path and a name without a file are known`(name: String) {
    #expect(socket(["NOTIFY_SOCKET": name]) != nil)
  }

  @Test(arguments: ["", "/", "@", "run/notify", "vsock:2:1234", "/" + String(repeating: "x", count: 107)])
  func `What is no Unix socket is passed over`(name: String) { #expect(socket(["NOTIFY_SOCKET": name]) == nil) }

  @Test func `Without the variable nobody wants to know`() { #expect(socket(["WATCHDOG_USEC": "1000000"]) == nil) }
}
