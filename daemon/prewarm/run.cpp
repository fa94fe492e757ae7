#include "daemon/prewarm/run.h"

#include "base/clock.h"
#include "daemon/prewarm/codes.h"
#include "daemon/prewarm/queue.h"
#include "daemon/service/answers/convert.h"
#include "daemon/service/jobs/compile_build.h"
#include "daemon/service/metrics.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <semaphore>
#include <sys/resource.h>
#include <thread>
#include <utility>

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

class Run {
public:
  Run(store::Store& store, const Plan& plan, const RunOptions& options, std::stop_token stop)
      : store_(store), plan_(plan), options_(options),
        slots_(options.slots > 0 ? options.slots : cores() + 1), free_(slots_),
        outer_(stop, [this] { stop_.request_stop(); }) {}

  Result<Report> go(const Progress& progress) {
    const double before = processorSeconds(RUSAGE_CHILDREN) + processorSeconds(RUSAGE_SELF);
    const auto machine = machineTime();
    report_.builds = static_cast<int64_t>(plan_.items.size());
    if (auto ok = putDocuments(); !ok) return fail(ok.error());
    if (auto ok = skipKnown(); !ok) return fail(ok.error());
    if (!queue_.empty()) compileAll(progress);
    if (broken_) return fail(*broken_);
    report_.ended = report_.known + report_.compiled == report_.builds;
    report_.seconds = secondsSince(start_);
    // The pool is gone: its workers were waited for, and with them what they had waited for.
    double used = processorSeconds(RUSAGE_CHILDREN) + processorSeconds(RUSAGE_SELF) - before;
    report_.coresBusy = report_.seconds > 0 ? used / report_.seconds / cores() : 0;
    if (const auto now = machineTime(); now && machine && now->all > machine->all)
      report_.coresIdle = (now->idle - machine->idle) / (now->all - machine->all);
    if (progress) progress(report_);
    return report_;
  }

private:
  bool budgetSpent() const { return options_.budget > 0 && secondsSince(start_) > options_.budget; }

  Result<void> putDocuments() {
    return store_.batch([this]() -> Result<void> {
      for (const auto& [id, document] : plan_.documents)
        if (auto ok = store_.putDocument(document); !ok) return ok;
      return {};
    });
  }

  /// What is to be made: also a build whose binary was collected since, which no bundle could carry.
  Result<void> skipKnown() {
    const tuned::Problem* problem = nullptr; // items of one problem are neighbours
    std::map<std::string, store::Store::Made> made;
    for (size_t i = 0; i < plan_.items.size(); ++i) {
      const Item& item = plan_.items[i];
      if (item.problem.get() != problem) {
        problem = item.problem.get();
        auto found = store_.made(problem->kernel, toKey(problem->sizes), problem->toolchain);
        if (!found) return fail(found.error());
        made = std::move(*found);
      }
      const auto known = made.find(toKey(item.configuration));
      if (known == made.end() || !isThere(item, known->second)) {
        queue_.add(item, i);
        codes_.expect(*item.problem);
        continue;
      }
      ++report_.known;
      if (!known->second.built) note(item, known->second.failure);
    }
    return {};
  }

  /// What a second compiler refused is there, as its own has made the same. A missed deadline is not: it says
  /// how busy the machine was, and nothing of the kernel.
  static bool isThere(const Item& item, const store::Store::Made& made) {
    if (made.built) return made.binary;
    return lasting(made.failure) || (byOther(item) && !late(made.failure));
  }
  static bool late(const Build& build) { return build.outcome == "timed_out"; }

  void compileAll(const Progress& progress) {
    WorkerPool pool(
        {{options_.worker, {"compile", "--memory", std::to_string(options_.compileMemory)}}, slots_, true});
    CoreGate gate;
    Metrics metrics;
    const CompileService service{pool, gate, metrics, options_.compileSeconds};
    std::vector<std::jthread> threads;
    // Some wait for code that another makes, and leave their slot to the others meanwhile.
    constexpr int waiting = 64;
    running_ = slots_ + waiting;
    for (int i = 0; i < slots_ + waiting; ++i)
      threads.emplace_back([&] { compileSome(service); });
    threads.emplace_back([&] { keepAll(); });
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return keptAll_; })) {
      report_.seconds = secondsSince(start_);
      if (budgetSpent()) stop_.request_stop();
      if (progress) progress(report_);
    }
    lock.unlock();
    threads.clear();
  }

  void compileSome(const CompileService& all) {
    while (compileNext(all)) {
    }
    std::lock_guard guard(mutex_);
    --running_;
    changed_.notify_all();
  }

  /// False: there is no more to do.
  bool compileNext(const CompileService& all) {
    Slot slot(free_);
    if (stop_.stop_requested() || budgetSpent()) return false;
    std::unique_lock lock(mutex_);
    const auto next = queue_.take();
    if (!next) return false;
    const Item& item = plan_.items[*next];
    CompileService service = all;
    service.same = &codes_.of(*item.problem);
    service.idle = [&slot] { slot.leave(); };
    lock.unlock();
    auto made = compileBuild(service, *item.problem, item.configuration, stop_.get_token());
    lock.lock();
    codes_.ended(*item.problem);
    if (made) {
      // What was not made tells nothing of how long its kind takes.
      if (!made->shared) queue_.took(item, made->build.seconds);
      report_.longest = std::max(report_.longest, made->build.seconds);
      made_.emplace_back(*next, std::move(*made));
      changed_.notify_all();
    } else if (!stop_.stop_requested()) {
      breakOff(made.error());
    }
    return true;
  }

  /// Keeps what is made, all that waits in one transaction: a core that had to wait for the disk after each
  /// build would do nothing else for half of the time.
  void keepAll() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return !made_.empty() || running_ == 0; });
      if (made_.empty()) break;
      const auto some = std::exchange(made_, {});
      lock.unlock();
      auto kept = store_.batch([&]() -> Result<void> {
        for (const auto& [index, made] : some)
          if (auto ok = keep(plan_.items[index], made); !ok) return ok;
        return {};
      });
      lock.lock();
      if (!kept) breakOff(kept.error());
      if (!kept) continue;
      for (const auto& [index, made] : some) {
        ++report_.compiled;
        report_.shared += made.shared;
        note(plan_.items[index], made.build);
      }
    }
    keptAll_ = true;
    changed_.notify_all();
  }

  Result<void> keep(const Item& item, const Builder::Made& made) {
    auto id = store_.putBuild(item.key(), made.build,
                              made.artefact ? std::string_view(made.artefact->bytes) : std::string_view());
    return id ? Result<void>() : fail(id.error());
  }

  void breakOff(const Error& error) {
    if (!broken_) broken_ = error;
    stop_.request_stop();
  }

  void note(const Item& item, const Build& build) {
    if (build.built()) return;
    if (build.outcome == "out_of_resources") {
      ++report_.tooLarge;
      return;
    }
    auto& list = !byOther(item) ? report_.failures : late(build) ? report_.late : report_.refused;
    list.push_back({item.name, toKey(item.problem->sizes), toKey(item.configuration),
                    item.problem->compileTarget, build.outcome, build.reason});
  }

  /// A core's worth of compiling, until it is left or goes.
  class Slot {
  public:
    explicit Slot(std::counting_semaphore<>& free) : free_(&free) { free.acquire(); }
    Slot(const Slot&) = delete;
    ~Slot() { leave(); }
    void leave() {
      if (auto* free = std::exchange(free_, nullptr)) free->release();
    }

  private:
    std::counting_semaphore<>* free_;
  };

  store::Store& store_;
  const Plan& plan_;
  const RunOptions& options_;
  const int slots_;
  std::counting_semaphore<> free_; ///< slots
  const Clock::time_point start_ = Clock::now();
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> outer_;
  std::mutex mutex_; ///< guards all below
  std::condition_variable changed_;
  Queue queue_;
  Codes codes_;
  std::vector<std::pair<size_t, Builder::Made>> made_; ///< and not kept yet
  int running_ = 0;
  bool keptAll_ = false;
  Report report_;
  std::optional<Error> broken_;
};

} // namespace

Result<Report> run(store::Store& store, const Plan& plan, const RunOptions& options, const Progress& progress,
                   std::stop_token stop) {
  return Run(store, plan, options, std::move(stop)).go(progress);
}

} // namespace tuned::prewarm
