#include "daemon/http/connections.h"

namespace tuned {

std::list<Connection*>& Connections::listOf(User& user, Connection& connection) {
  switch (connection.state_) {
  case Connection::State::Idle:
    return user.idle;
  case Connection::State::Reading:
    return user.reading;
  default:
    return connection.place_;
  }
}

void Connections::move(Connection& connection, Connection::State state) {
  const bool entered = connection.state_ != Connection::State::Busy || !connection.place_.empty();
  if (connection.state_ == state || !entered) return;
  auto user = users_.find(connection.user_);
  if (user == users_.end()) return; // it has left
  auto& from = listOf(user->second, connection);
  // Its own entry changes hands, so that no request costs memory.
  const auto entry = connection.state_ == Connection::State::Busy ? from.begin() : connection.where_;
  connection.state_ = state;
  auto& to = listOf(user->second, connection);
  to.splice(to.end(), from, entry);
  connection.where_ = entry;
}

bool Connections::close(User& user) {
  std::list<Connection*>& list = user.idle.empty() ? user.reading : user.idle;
  if (list.empty()) return false;
  // It leaves the register when its coroutine has ended; until then it is not asked again.
  Connection& leaving = *list.front();
  leaving.place_.splice(leaving.place_.begin(), list, list.begin());
  leaving.state_ = Connection::State::Busy;
  leaving.giveWay();
  return true;
}

bool Connections::makeRoom(unsigned newcomer) {
  if (users_[newcomer].open >= perUser_) return close(users_[newcomer]);
  if (open_ < most_) return true;
  User *crowded = nullptr, *slow = nullptr;
  for (auto& [id, user] : users_) {
    if (!user.idle.empty() && (!crowded || user.open > crowded->open)) crowded = &user;
    if (!user.reading.empty() && (!slow || user.open > slow->open)) slow = &user;
  }
  if (!crowded) crowded = slow;
  return crowded && close(*crowded);
}

bool Connections::enter(Connection& connection, unsigned user) {
  const bool room = makeRoom(user);
  if (!room) {
    if (users_[user].open == 0) users_.erase(user);
    return false;
  }
  connection.user_ = user;
  connection.place_.assign(1, &connection);
  ++users_[user].open;
  ++open_;
  return true;
}

void Connections::leave(Connection& connection) {
  auto user = users_.find(connection.user_);
  if (user == users_.end()) return;
  setBusy(connection);
  if (connection.place_.empty()) return; // it never entered
  connection.place_.clear();
  --open_;
  if (--user->second.open == 0) users_.erase(user);
}

} // namespace tuned
