import Glibc

/// What the system can be asked of accounts. It looks into /etc/passwd, or wherever nsswitch.conf(5) says.
package enum AccountQuestion: Hashable, Sendable {
  /// What is the login of this user?
  case login(of: uid_t)
  /// Which user has this login?
  case user(named: String)
}

package enum AccountAnswer: Equatable, Sendable {
  /// The login is bytes, neither safe nor proven to be text.
  case found(login: [UInt8], userID: uid_t)
  /// There is no such account.
  case absent
  /// The system could not find out.
  case failed
}

extension AccountQuestion {
  /// Bytes of an account's entry at most.
  private static let maximumEntryBytes = 1 << 20

  /// What the system says. That takes as long as it takes: a directory in the network may not answer, and nothing interrupts
  /// getpwuid_r(3).
  package var answerOfSystem: AccountAnswer {
    var bytes = 1 << 10
    while true {
      let (code, answer) = answer(within: bytes)
      switch code {
      case 0: return answer
      case EINTR: continue
      case ERANGE where bytes < Self.maximumEntryBytes: bytes *= 4
      // These mean that there is none, depending on the system (getpwnam(3)).
      case ENOENT, ESRCH, EBADF, EPERM: return .absent
      default: return .failed
      }
    }
  }

  private func answer(within bytes: Int) -> (CInt, AccountAnswer) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes) { buffer in
      guard let base = buffer.baseAddress else { return (ENOMEM, .failed) }
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      let code =
        switch self {
        case .login(let userID): getpwuid_r(userID, &entry, base, bytes, &found)
        case .user(let name): getpwnam_r(name, &entry, base, bytes, &found)
        }
      guard code == 0, found != nil, let name = entry.pw_name else { return (code, .absent) }
      let login = UnsafeRawBufferPointer(start: name, count: strlen(name))
      return (0, .found(login: Array(login), userID: entry.pw_uid))
    }
  }
}
