// Builds of one problem whose code is the same: whichever begins first is made, and the others wait for it.
#pragma once

#include "backend/artefact.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

namespace tuned {

/// Calls are safe from any thread. What code is the same is a compile worker's word, which decides for one
/// problem alone: no kernel gets what was compiled of another.
class SameCode {
public:
  /// `most`: bytes of binaries that are kept for those who come later.
  explicit SameCode(size_t most = size_t{64} << 20) : most_(most) {}
  /// True: the caller is to make it, and to say how that ended. False: another does or did.
  bool begin(const std::string& code);
  /// Null: it failed, and whoever waits makes it.
  void end(const std::string& code, std::shared_ptr<const Artefact> made);
  /// What another made, once it is there; null where that failed or a stop was requested.
  std::shared_ptr<const Artefact> wait(const std::string& code, const std::stop_token& stop);
  /// Of the binaries that are kept.
  size_t bytes() const;
  /// Lets go of all that was made: who comes with such code from now on makes it again.
  void forget();

private:
  void keep(const std::string& code, std::shared_ptr<const Artefact> made);

  const size_t most_;
  mutable std::mutex mutex_; ///< guards what follows
  std::condition_variable_any changed_;
  std::set<std::string> making_;
  std::map<std::string, std::shared_ptr<const Artefact>> made_;
  std::deque<std::string> order_; ///< of made_, oldest first
  size_t bytes_ = 0;              ///< of made_
};

} // namespace tuned
