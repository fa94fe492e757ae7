#include "daemon/http/connections.h"

namespace tuned {

std::list<Connection*>& Connections::listOf(User& user, Connection& connection) {
  if (connection.state_ == Connection::State::Busy) return connection.place_;
  return user.waiting[static_cast<size_t>(connection.state_)];
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
  for (auto& list : user.waiting) {
    if (list.empty()) continue;
    // It leaves the register when its coroutine has ended; until then it is not asked again.
    Connection& leaving = *list.front();
    leaving.place_.splice(leaving.place_.begin(), list, list.begin());
    leaving.state_ = Connection::State::Busy;
    leaving.giveWay();
    return true;
  }
  return false;
}

bool Connections::makeRoom(unsigned newcomer) {
  if (users_[newcomer].open >= perUser_) return close(users_[newcomer]);
  // Answers are waited for, whoever asked: a house that is full of them is full for all but the few.
  const size_t kept = most_ / kKeptShare;
  const bool many = kept > 0 && users_[newcomer].open >= kept;
  if (open_ < (many ? most_ - kept : most_)) return true;
  for (size_t state = 0; state < std::tuple_size_v<decltype(User::waiting)>; ++state) {
    User* crowded = nullptr;
    for (auto& [id, user] : users_)
      if (!user.waiting[state].empty() && (!crowded || user.open > crowded->open)) crowded = &user;
    if (crowded) return close(*crowded);
  }
  return false;
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
