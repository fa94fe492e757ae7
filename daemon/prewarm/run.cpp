#include "daemon/prewarm/run.h"

#include "base/clock.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/metrics.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sys/resource.h>
#include <thread>

namespace tuned::prewarm {
namespace {

using Clock = std::chrono::steady_clock;

double processorSeconds(int who) {
  rusage used{};
  ::getrusage(who, &used);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Of all cores, since the machine was started; in units of the kernel's.
struct MachineTime {
  double all = 0, idle = 0;
};

/// Nothing: there is no /proc.
std::optional<MachineTime> machineTime() {
  std::ifstream stat("/proc/stat");
  std::string word;
  if (!(stat >> word) || word != "cpu") return std::nullopt;
  MachineTime out;
  constexpr int kinds = 8, idle = 3, waiting = 4; // user, nice, system, idle, iowait, irq, softirq, steal
  for (int kind = 0; kind < kinds; ++kind) {
    double units = 0;
    if (!(stat >> units)) return std::nullopt;
    out.all += units;
    if (kind == idle || kind == waiting) out.idle += units;
  }
  return out;
}

int cores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

/// By a compiler that is not the target's own (compilers.h). Tile IR's assembler takes seconds where our own
/// takes tenths of one.
bool byOther(const Item& item) {
  const auto compiler = item.configuration.find("compiler");
  return compiler != item.configuration.end() && compiler->second != 0;
}

class Run {
public:
  Run(store::Store& store, const Plan& plan, const RunOptions& options, std::stop_token stop)
      : store_(store), plan_(plan), options_(options),
        slots_(options.slots > 0 ? options.slots : cores() + 1),
        outer_(stop, [this] { stop_.request_stop(); }) {}

  Result<Report> go(const Progress& progress) {
    auto start = Clock::now();
    const double before = processorSeconds(RUSAGE_CHILDREN) + processorSeconds(RUSAGE_SELF);
    const auto machine = machineTime();
    report_.builds = static_cast<int64_t>(plan_.items.size());
    if (auto ok = putDocuments(); !ok) return fail(ok.error());
    if (auto ok = skipKnown(); !ok) return fail(ok.error());
    if (!waiting_.empty()) compileAll(start, progress);
    if (broken_) return fail(*broken_);
    report_.ended = report_.known + report_.compiled == report_.builds;
    report_.seconds = secondsSince(start);
    // The pool is gone: its workers were waited for, and with them what they had waited for.
    double used = processorSeconds(RUSAGE_CHILDREN) + processorSeconds(RUSAGE_SELF) - before;
    report_.coresBusy = report_.seconds > 0 ? used / report_.seconds / cores() : 0;
    if (const auto now = machineTime(); now && machine && now->all > machine->all)
      report_.coresIdle = (now->idle - machine->idle) / (now->all - machine->all);
    if (progress) progress(report_);
    return report_;
  }

private:
  Result<void> putDocuments() {
    return store_.batch([this]() -> Result<void> {
      for (const auto& [id, document] : plan_.documents)
        if (auto ok = store_.putDocument(document); !ok) return ok;
      return {};
    });
  }

  /// What is to be made: also a build whose binary was collected since, which no bundle could carry.
  Result<void> skipKnown() {
    for (size_t i = 0; i < plan_.items.size(); ++i) {
      auto known = store_.build(plan_.items[i].key());
      if (!known && known.error().kind != ErrorKind::NotFound) return fail(known.error());
      // A deadline that a second compiler missed is not tried again by every run: its own has made the same.
      bool there = known && (lasting(known->build) || (byOther(plan_.items[i]) && !known->build.built()));
      if (known && known->build.built()) {
        auto binary = store_.hasArtefact(known->build.artefact);
        if (!binary) return fail(binary.error());
        there = *binary;
      }
      if (!there) {
        waiting_.push_back(i);
        continue;
      }
      ++report_.known;
      note(plan_.items[i], known->build);
    }
    // What takes long comes first: at the end no core waits for the last of it.
    std::ranges::stable_partition(waiting_, [&](size_t i) { return byOther(plan_.items[i]); });
    return {};
  }

  void compileAll(Clock::time_point start, const Progress& progress) {
    WorkerPool pool(
        {{options_.worker, {"compile", "--memory", std::to_string(options_.compileMemory)}}, slots_, true});
    CoreGate gate;
    Metrics metrics;
    Builder builder(store_, metrics, pool, gate, options_.compileSeconds);
    std::vector<std::jthread> threads;
    running_ = slots_;
    for (int i = 0; i < slots_; ++i)
      threads.emplace_back([&] { compileSome(builder); });
    std::unique_lock lock(mutex_);
    while (!done_.wait_for(lock, std::chrono::milliseconds(200), [&] { return running_ == 0; })) {
      report_.seconds = secondsSince(start);
      if (options_.budget > 0 && report_.seconds > options_.budget) stop_.request_stop();
      if (progress) progress(report_);
    }
    lock.unlock();
    threads.clear();
  }

  void compileSome(Builder& builder) {
    for (size_t next; !stop_.stop_requested() && (next = next_++) < waiting_.size();) {
      const Item& item = plan_.items[waiting_[next]];
      auto made = builder.make(*item.problem, item.configuration, true, stop_.get_token());
      std::lock_guard guard(mutex_);
      if (made) {
        ++report_.compiled;
        note(item, made->build);
      } else if (!stop_.stop_requested()) {
        broken_ = made.error();
        stop_.request_stop();
      }
    }
    std::lock_guard guard(mutex_);
    --running_;
    done_.notify_all();
  }

  void note(const Item& item, const Build& build) {
    if (build.built()) return;
    if (build.outcome == "out_of_resources") {
      ++report_.tooLarge;
      return;
    }
    auto& list = byOther(item) ? report_.refused : report_.failures;
    list.push_back({item.name, toKey(item.problem->sizes), toKey(item.configuration),
                    item.problem->compileTarget, build.outcome, build.reason});
  }

  store::Store& store_;
  const Plan& plan_;
  const RunOptions& options_;
  const int slots_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> outer_;
  std::vector<size_t> waiting_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_; ///< guards all below
  std::condition_variable done_;
  int running_ = 0;
  Report report_;
  std::optional<Error> broken_;
};

} // namespace

Result<Report> run(store::Store& store, const Plan& plan, const RunOptions& options, const Progress& progress,
                   std::stop_token stop) {
  return Run(store, plan, options, std::move(stop)).go(progress);
}

} // namespace tuned::prewarm
