#include "client/fallback.h"

#include "client/answer_cache.h"
#include "client/launcher.h"
#include "client/notice.h"

namespace tuned::client {

namespace {
constexpr std::chrono::seconds askAgainAfter(1);
}

Result<std::shared_ptr<const Launcher>> Fallback::launcher(std::vector<LaunchCondition> broken,
                                                           const Error& why) {
  std::lock_guard guard(mutex_);
  if (present_ && (settled_ || std::chrono::steady_clock::now() - asked_ < askAgainAfter)) return present_;
  if (!present_) without_.insert(without_.end(), broken.begin(), broken.end());
  const bool first = !present_;
  auto asked = ask();
  if (!asked && first) {
    without_.resize(without_.size() - broken.size());
    return fail(asked.error());
  }
  if (first)
    notice("'" + answer_->kernelName + "' on " + answer_->device + ": " + why.message +
           ". Such launches take another build, which may be slower.");
  return present_; // one that runs is not given up because the daemon is gone
}

Result<void> Fallback::ask() {
  asked_ = std::chrono::steady_clock::now();
  auto client = Client::connect({socket_});
  if (!client) return fail(client.error());
  protocol::BestRequest request;
  request.kernel = answer_->kernel;
  request.sizes = answer_->sizes;
  request.device = answer_->device;
  request.without = without_;
  auto answer = client->ask(request);
  if (!answer) return fail(answer.error());
  const bool settled = isSettled(*answer);
  if (!present_ || present_->answer().artefact != answer->artefact) {
    auto loaded =
        Launcher::load(*client, std::make_shared<const protocol::Answer>(std::move(*answer)), without_);
    if (!loaded) return fail(loaded.error());
    if (present_) former_.push_back(std::move(present_));
    present_ = std::move(*loaded);
  }
  settled_ = settled;
  return {};
}

} // namespace tuned::client
