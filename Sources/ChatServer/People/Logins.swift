import ChatWire

/// Whom the kernel says that a member on a Unix socket is.
struct Login: Equatable, Sendable {
  /// The number of the user whose process connected.
  let userID: UInt32
  /// What the member is called for it: the user's login, or `uid-1001` where that can be no name or is not known.
  let name: MemberName
}

/// Which members have which login, and which names are kept for logins: all that were here since the server started, so that
/// nobody takes the name of somebody who has left for a moment.
struct Logins {
  private var loginOfMember: [Token: Login] = [:]
  /// The logins by either part of their names' keys. `uid-1001` is not among them, as nobody can choose such a name.
  private var ownerOfFolding: [String: Login] = [:]
  private var ownerOfLook: [String: Login] = [:]

  /// Nil for a member that did not come on a Unix socket.
  subscript(token: Token) -> Login? { loginOfMember[token] }

  mutating func note(_ login: Login, of token: Token) { loginOfMember[token] = login }
  mutating func leave(_ token: Token) { loginOfMember[token] = nil }

  /// The login of a user, whose name is kept for that user from now on.
  /// - Parameter login: what the system calls the user; nil if that is not known.
  mutating func login(of userID: UInt32, called login: [UInt8]?) -> Login {
    guard let login, case .success(let name) = NameRule.name(from: login[...]), name.bytes == login else {
      return Login(userID: userID, name: MemberName(userID: userID))
    }
    let key = NameKey(name.description)
    // Two logins that look the same are not told apart by their names.
    guard owners(of: key).allSatisfy({ $0.userID == userID }) else {
      return Login(userID: userID, name: MemberName(userID: userID))
    }
    let owner = Login(userID: userID, name: name)
    ownerOfFolding[key.folding] = owner
    ownerOfLook[key.look] = owner
    return owner
  }

  /// The logins that a name is, or looks like.
  func owners(of key: NameKey) -> [Login] {
    ownerOfFolding.isEmpty ? [] : [ownerOfFolding[key.folding], ownerOfLook[key.look]].compactMap(\.self)
  }

  /// The login that a name is, whatever its case.
  func owner(ofFolding folding: String) -> Login? { ownerOfFolding[folding] }
}

extension Login: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (userID, name) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(userID, name) }
}

extension Logins: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    loginOfMember = try reader.read()
    (ownerOfFolding, ownerOfLook) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(loginOfMember, ownerOfFolding, ownerOfLook) }
}
