// Searches of programs that compile and time by themselves: ask and tell. Needs no device and no worker. What
// is told is kept among the entries (store/entries.h) when tell() returns: under the study's name and
// parameters, a file for each sizes and device.
//
// Calls are safe from any thread and may take as long as listing a space; those of one study wait for each
// other.
#pragma once

#include "daemon/service/studies/study.h"
#include "daemon/store/entries.h"

#include <atomic>
#include <memory>
#include <mutex>

namespace tuned {

class Studies {
public:
  explicit Studies(store::Entries& entries) : entries_(entries) {}

  /// `user` is who asks. An equal study of the user that is open is closed: the new one goes on where it was.
  /// A user has at most 8 studies open: one more closes the one that was used longest ago.
  Result<protocol::StudyInfo> open(const protocol::StudyRequest& request, const std::string& user);
  // NotFound: no such study is open, or it is another user's.
  Result<protocol::StudyInfo> show(const std::string& id, const std::string& user);
  Result<protocol::AskAnswer> ask(const std::string& id, const protocol::AskRequest& request,
                                  const std::string& user);
  Result<protocol::StudyInfo> tell(const std::string& id, const protocol::TellRequest& request,
                                   const std::string& user);
  Result<protocol::StudyInfo> close(const std::string& id, const std::string& user);

private:
  struct Held {
    std::string user, space, key; ///< where it is kept
    std::string about;
    std::mutex mutex; ///< guards study
    std::unique_ptr<OpenStudy> study;
    std::atomic<bool> closed{false}; ///< it keeps nothing any more: an equal one may be open
    uint64_t used = 0;               ///< under mutex_ of Studies
  };
  using Open = std::map<std::string, std::shared_ptr<Held>>;
  Open::iterator end(Open::iterator study);
  Result<std::shared_ptr<Held>> find(const std::string& id, const std::string& user);
  Result<void> keep(const Held& held);
  Result<protocol::StudyInfo> load(const protocol::StudyRequest& request, const std::shared_ptr<Held>& held);
  bool hasEqual(const Held& held) const;
  void closeEqual(const Held& held);
  void makeRoom(const std::string& user);

  store::Entries& entries_;
  std::mutex mutex_; ///< guards all below
  Open open_;
  uint64_t clock_ = 0;
};

} // namespace tuned
