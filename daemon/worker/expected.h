// The expected outputs of one problem, computed on a thread of their own: a device times variants meanwhile,
// and a CPU, whose cores both would want, makes its inputs and waits.
#pragma once

#include "daemon/worker/reference.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace tuned {

class Expected {
public:
  /// Begins at once. `request` refers to a kernel and sizes that outlive this; its device is used by others,
  /// too, in turns. The reference of CUDA C++ without a judge is the default configuration's own outputs.
  explicit Expected(const ReferenceRequest& request);
  /// Waits for what is being computed.
  ~Expected();
  Expected(const Expected&) = delete;

  /// A configuration that compiles: its programs are evaluated where the default's could not be. Only the
  /// first one given counts.
  void offer(const Configuration& variant);
  /// Null: it is not there yet. An error is that of a kernel which must not run; one without a reference has
  /// an empty one. Waits when told to, and then for an offer, too.
  const Result<ReferenceResult>* get(bool wait);
  /// What was computed; only once it is there.
  const ReferenceRequest& request() const { return request_; }

private:
  Result<ReferenceResult> compute();
  std::optional<Configuration> offered();

  ReferenceRequest request_;
  std::vector<std::shared_ptr<void>> behind_; ///< what it began in vain
  std::mutex mutex_;                          ///< guards what follows
  std::condition_variable changed_;
  std::optional<Configuration> offer_;
  std::optional<Result<ReferenceResult>> result_; ///< never changed once it is there
  bool closing_ = false;
  std::thread thread_; ///< last: it uses all of the above
};

} // namespace tuned
