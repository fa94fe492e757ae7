// Timing by device events.
//
// Each timed launch stands alone between two events. Before it the stream overwrites a buffer of twice the
// L2, which puts the kernel's data out of the cache and, since that takes tens of microseconds, lets the host
// get ahead: when the first event is reached the launch is already queued, so that what is timed is the
// kernel and its start (about 1.5 µs on an H100), and not the host. Events resolve 0.5 µs; callers take a
// median over many launches. Several launches in one pair of events would resolve more finely, but would find
// the first one's data in the cache.
#include "backend/cuda/device.h"

#include <algorithm>

namespace tuned::cuda {
namespace {
constexpr int batchLaunches =
    64; // fewer than the driver's queue holds, so that the deadline stays ours to watch
constexpr size_t leastFlushBytes = size_t{64} << 20;
} // namespace

Result<void> CudaDevice::reserveFlushBuffer() {
  if (flush_) return {};
  flushBytes_ = std::max(leastFlushBytes, static_cast<size_t>(2 * info_.cacheBytes));
  return check(api_.memAlloc(&flush_, flushBytes_), "allocating the buffer that flushes the cache");
}

Result<void> CudaDevice::reserveEvents(size_t count) {
  while (events_.size() < count) {
    Event event = nullptr;
    if (auto done = check(api_.eventCreate(&event, 0), "making an event"); !done) return done;
    events_.push_back(event);
  }
  return {};
}

Result<void> CudaDevice::timeBatch(LoadedKernel& kernel, const Grid& grid,
                                   std::vector<ParameterValue>& values, int repeats, bool coldCache,
                                   std::vector<double>& seconds) {
  for (int i = 0; i < repeats; ++i) {
    // With a warm cache one flush still comes first, for the head start it gives the host.
    if (coldCache || i == 0) {
      if (auto done = check(api_.memsetD8Async(flush_, static_cast<unsigned char>(i), flushBytes_, stream_),
                            "flushing");
          !done)
        return done;
    }
    if (!coldCache && i == 0)
      if (auto done = enqueue(kernel, grid, values); !done) return done;
    if (auto done = check(api_.eventRecord(events_[2 * i], stream_), "recording an event"); !done)
      return done;
    if (auto done = enqueue(kernel, grid, values); !done) return done;
    if (auto done = check(api_.eventRecord(events_[2 * i + 1], stream_), "recording an event"); !done)
      return done;
  }
  if (auto done = finish(); !done) return done;
  for (int i = 0; i < repeats; ++i) {
    float milliseconds = 0;
    if (auto done = check(api_.eventElapsedTime(&milliseconds, events_[2 * i], events_[2 * i + 1]),
                          "reading an event");
        !done)
      return done;
    seconds.push_back(milliseconds * 1e-3);
  }
  return {};
}

Result<std::vector<double>> CudaDevice::time(LoadedKernel& kernel, const Grid& grid,
                                             std::span<const ArgumentValue> arguments,
                                             const TimingRequest& request) {
  if (request.repeats < 1)
    return fail(ErrorKind::InvalidInput,
                "repeats is " + std::to_string(request.repeats) + "; it counts from 1");
  if (auto done = enter(); !done) return fail(done.error());
  auto values = packed(kernel, grid, arguments);
  if (!values) return fail(values.error());
  if (auto done = reserveFlushBuffer(); !done) return fail(done.error());
  if (auto done = reserveEvents(2 * static_cast<size_t>(std::min(request.repeats, batchLaunches))); !done)
    return fail(done.error());
  std::vector<double> seconds;
  for (int left = request.repeats; left > 0; left -= batchLaunches)
    if (auto done =
            timeBatch(kernel, grid, *values, std::min(left, batchLaunches), request.coldCache, seconds);
        !done)
      return fail(done.error());
  return seconds;
}

} // namespace tuned::cuda
