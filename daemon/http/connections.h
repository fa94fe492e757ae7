// All open connections, by user and by what they do: a full house makes room by closing one that waits.
#pragma once

#include <array>
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
  /// In the order in which they give way; who is busy never does.
  enum class State { Idle, Reading, Watching, Busy };
  unsigned user_ = 0;
  State state_ = State::Busy;
  std::list<Connection*> place_; ///< one entry, in here while busy, else in its user's list
  std::list<Connection*>::iterator where_;
};

class Connections {
public:
  /// One place of so many is kept for users who have fewer connections than are kept.
  static constexpr size_t kKeptShare = 16;
  /// At most `most` at a time, and of one user at most `perUser`.
  Connections(size_t most, size_t perUser) : most_(most), perUser_(perUser) {}
  void limit(size_t most, size_t perUser) { most_ = most, perUser_ = perUser; }

  /// Takes a connection in. When its user or all have too many, one of theirs gives way: the one that has
  /// been idle longest, of the user with the most connections; when none is idle, the one that has been
  /// sending its request longest; when none is either, the one that has watched a job longest. The last
  /// places are for users with few connections: for all others the house is full before. False: every one is
  /// being answered, and the newcomer has to go.
  bool enter(Connection& connection, unsigned user);
  void leave(Connection& connection);

  /// What the connection does now: waits for a request, receives one, waits for a job or is told its events,
  /// or has a request answered.
  void setIdle(Connection& connection) { move(connection, Connection::State::Idle); }
  void setReading(Connection& connection) { move(connection, Connection::State::Reading); }
  void setWatching(Connection& connection) { move(connection, Connection::State::Watching); }
  void setBusy(Connection& connection) { move(connection, Connection::State::Busy); }

  size_t open() const { return open_; }

private:
  struct User {
    size_t open = 0;
    std::array<std::list<Connection*>, 3> waiting; ///< by State, oldest first
  };
  void move(Connection& connection, Connection::State state);
  static std::list<Connection*>& listOf(User& user, Connection& connection);
  bool makeRoom(unsigned user);
  static bool close(User& user);

  size_t most_, perUser_, open_ = 0;
  std::map<unsigned, User> users_;
};

} // namespace tuned
