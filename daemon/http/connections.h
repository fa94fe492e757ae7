// All open connections, by user and by what they do: a full house makes room by closing one that waits.
#pragma once

#include <cstddef>
#include <list>
#include <map>

namespace tuned {

/// A connection as the register sees it. Used from the loop's thread.
class Connection {
public:
  virtual ~Connection() = default;
  /// Closes it although nothing is wrong with it: another needs its place.
  virtual void giveWay() = 0;

private:
  friend class Connections;
  enum class State { Busy, Idle, Reading };
  unsigned user_ = 0;
  State state_ = State::Busy;
  std::list<Connection*> place_; ///< one entry, in here while busy, else in its user's list
  std::list<Connection*>::iterator where_;
};

class Connections {
public:
  /// At most `most` at a time, and of one user at most `perUser`.
  Connections(size_t most, size_t perUser) : most_(most), perUser_(perUser) {}
  void limit(size_t most, size_t perUser) { most_ = most, perUser_ = perUser; }

  /// Takes a connection in. When its user or all have too many, one of theirs gives way: the one that has
  /// been idle longest, of the user with the most connections; when none is idle, the one that has been
  /// sending its request longest. False: every one is being answered, and the newcomer has to go.
  bool enter(Connection& connection, unsigned user);
  void leave(Connection& connection);

  /// What the connection does now: waits for a request, receives one, or has one answered.
  void setIdle(Connection& connection) { move(connection, Connection::State::Idle); }
  void setReading(Connection& connection) { move(connection, Connection::State::Reading); }
  void setBusy(Connection& connection) { move(connection, Connection::State::Busy); }

  size_t open() const { return open_; }

private:
  struct User {
    size_t open = 0;
    std::list<Connection*> idle, reading; ///< oldest first
  };
  void move(Connection& connection, Connection::State state);
  static std::list<Connection*>& listOf(User& user, Connection& connection);
  bool makeRoom(unsigned user);
  static bool close(User& user);

  size_t most_, perUser_, open_ = 0;
  std::map<unsigned, User> users_;
};

} // namespace tuned
