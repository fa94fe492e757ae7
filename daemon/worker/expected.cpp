#include "daemon/worker/expected.h"

#include <iostream>
#include <new>

namespace tuned {

Expected::Expected(const ReferenceRequest& request) : request_(request) {
  request_.behind = &behind_;
  thread_ = std::thread([this] {
    Result<ReferenceResult> result = fail(ErrorKind::Internal, "no reference");
    try {
      result = compute();
    } catch (const std::bad_alloc&) {
      result = fail(ErrorKind::OutOfResources,
                    "the worker ran into its memory limit while the expected outputs were computed");
    }
    std::lock_guard guard(mutex_);
    result_ = std::move(result);
    changed_.notify_all();
  });
}

Expected::~Expected() {
  {
    std::lock_guard guard(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Expected::offer(const Configuration& variant) {
  std::lock_guard guard(mutex_);
  if (offer_) return;
  offer_ = variant;
  changed_.notify_all();
}

const Result<ReferenceResult>* Expected::get(bool wait) {
  std::unique_lock guard(mutex_);
  if (wait) changed_.wait(guard, [&] { return result_.has_value(); });
  return result_ ? &*result_ : nullptr;
}

std::optional<Configuration> Expected::offered() {
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [&] { return offer_ || closing_; });
  return closing_ ? std::nullopt : offer_;
}

Result<ReferenceResult> Expected::compute() {
  const std::string& name = request_.kernel.name;
  auto reference = makeReference(request_);
  const bool cuda = request_.kernel.language == "cuda";
  if (!reference && !cuda) {
    auto variant = offered();
    if (!variant) return reference;
    request_.configuration = *variant;
    reference = makeReference(request_);
  }
  if (!reference && cuda && reference.error().kind != ErrorKind::Faulted) {
    std::cerr << "tuned-worker: " << name
              << " is compared with its default configuration: " << reference.error().text() << "\n";
    reference = referenceByDefault(request_);
  }
  // A kernel that leaves its buffers in the evaluator is not let loose on the device. What the evaluator
  // does not take, or not in time, is judged by guards and by its peers only, and its verdict says so.
  if (reference || reference.error().kind == ErrorKind::Faulted) return reference;
  std::cerr << "tuned-worker: " << name << " has no reference: " << reference.error().text() << "\n";
  return ReferenceResult{};
}

} // namespace tuned
