import ChatWire

/// What the server has to do because of a command. A command changes who is called what and the like at once; all that needs
/// the room, its members or files is an effect.
enum Effect: Equatable, Sendable {
  /// Tell the asker.
  case reply(Reply)
  /// Have the asker go by another name, and tell everybody.
  case rename(from: MemberName, to: MemberName)
  /// Ask all servers for that name.
  case claim(MemberName)
  /// Give one member a line of the asker's, and tell the asker what became of it.
  case deliver(to: Token, text: [UInt8])
  /// Answer with a list that is made as the asker reads it.
  case answer(Question)
  /// Leave what the other member says out of the first one's stream.
  case hide(Token, from: Token)
  case show(Token, to: Token)
  /// Put a member out, and tell it and everybody.
  case kick(Token, why: [UInt8]?)
  /// Have all servers do it.
  case share(SharedAct)
  /// Tell everybody.
  case announce(String)
  /// Write what an operator did into the server's log.
  case record(String)
}

/// What a long answer is about.
enum Question: Equatable, Sendable {
  case who
  case roster
  case last(lines: Int)
  /// Minutes after midnight.
  case since(minute: Int)
  case bans
}
