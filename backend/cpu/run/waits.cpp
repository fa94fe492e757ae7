#include "backend/cpu/run/waits.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace tuned::cpu {
namespace {

/// The second number of "ran waited slices", nanoseconds.
std::optional<double> readWaited(int file) {
  char text[96] = {};
  if (::pread(file, text, sizeof text - 1, 0) <= 0) return std::nullopt;
  char *second = nullptr, *end = nullptr;
  (void)std::strtoull(text, &second, 10);
  const auto waited = std::strtoull(second, &end, 10);
  return end == second ? std::nullopt : std::optional(1e-9 * static_cast<double>(waited));
}

constexpr size_t mostThreads = 32;
/// A launch is made again for more than this share of its time and these seconds. A thread that is woken
/// waits some microseconds even on an idle machine; one that is preempted waits a millisecond or more.
constexpr double shareMatters = 0.02, secondsMatter = 1e-4;
/// What takes longer is not made again: the deadline of its measurement counts.
constexpr double longLaunch = 1;

bool disturbed(const TimedLaunch& launch) {
  return launch.waited > std::max(secondsMatter, shareMatters * launch.seconds);
}

} // namespace

CoreWaits::CoreWaits(int launching, const std::string& folder) : launching_(launching) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none))
    if (files_.size() == mostThreads)
      break;
    else if (const int file = ::open((entry.path() / "schedstat").c_str(), O_RDONLY | O_CLOEXEC); file >= 0)
      files_.push_back(file);
}

CoreWaits::~CoreWaits() {
  for (const int file : files_)
    ::close(file);
}

std::optional<double> CoreWaits::seconds() const {
  if (files_.empty()) return std::nullopt;
  double sum = 0;
  for (const int file : files_) {
    const auto waited = readWaited(file);
    if (!waited) return std::nullopt;
    sum += *waited;
  }
  return sum / static_cast<double>(std::min(files_.size(), static_cast<size_t>(launching_)));
}

Result<double> QuietTimes::take(const std::function<Result<TimedLaunch>()>& launch) {
  auto best = launch();
  if (!best) return fail(best.error());
  for (int again = 0; again < patience_ && disturbed(*best) && best->seconds < longLaunch; ++again) {
    auto next = launch();
    if (!next) return fail(next.error());
    if (next->waited / next->seconds < best->waited / best->seconds) best = next;
  }
  patience_ = disturbed(*best) ? std::max(0, patience_ - 1) : mostAgain;
  seconds_ += best->seconds;
  if (disturbed(*best)) waited_ += best->waited; // not the wake-ups of short ones
  return best->seconds;
}

std::optional<int64_t> QuietTimes::othersPercent() {
  if (seconds_ <= 0) return std::nullopt;
  const double share = std::min(1.0, waited_ / seconds_);
  seconds_ = waited_ = 0;
  return std::llround(100 * share);
}

} // namespace tuned::cpu
