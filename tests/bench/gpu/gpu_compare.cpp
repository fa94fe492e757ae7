// Times our cubins and Triton's, made of the same IR, on one GPU in one run, and checks that they agree.
//   gpu_compare DIR [--device N] [--only NAME] [--repeats N] [--json FILE] [--torch COMMAND]
// DIR is what gpu_prepare and then triton_cubins.py filled. Every cubin of every side (our compilers,
// versions of Triton) is launched on the same random inputs, compared with the first that ran (Triton's, if
// there is one) and timed from a cold cache; then the best of each side are timed against each other, in
// turns. Each task runs in a process of its own, which is started again without the kernel that broke it.
// With COMMAND, "python3 tests/bench/plans/torch_side.py", PyTorch's operation of the same kind takes its
// turns too. At the end stands a table of all tasks in Markdown. Exit: 0 when every task has a ratio
// (Triton's best time over our best), 1 otherwise.
#include "gpu_table.h"
#include "gpu_task.h"
#include "gpu_torch.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace tuned;
using namespace tuned::bench;

namespace {

struct Settings {
  std::filesystem::path folder;
  TorchSide* torch = nullptr; ///< null: PyTorch is not asked
  int device = 0, repeats = 12, rounds = 16;
};

struct Measured {
  double seconds = 0;
  std::string problem; ///< why it does not count; empty: it does
};
using Results = std::map<std::string, Measured>; ///< by Candidate::key()

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
  return values[values.size() / 2];
}

/// The fastest of each side that ran and agreed.
std::map<std::string, Candidate> bestOfSides(const std::vector<Candidate>& all, const Results& results) {
  std::map<std::string, Candidate> best;
  for (const Candidate& candidate : all) {
    auto result = results.find(candidate.key());
    if (result == results.end() || !result->second.problem.empty()) continue;
    auto [known, fresh] = best.try_emplace(candidate.side, candidate);
    if (!fresh && result->second.seconds < results.at(known->second.key()).seconds) known->second = candidate;
  }
  return best;
}

/// The child's part: tries what has no result yet and tells the parent line by line.
class Child {
public:
  Child(const Settings& settings, const PlanTask& task, Results& results, FILE* out)
      : settings(settings), task(task), results(results), out(out) {}

  int run() {
    auto opened = GpuTask::open(settings.folder, task, settings.device);
    if (!opened) {
      std::fprintf(out, "failed %s\n", opened.error().text().c_str());
      return 2;
    }
    gpu = std::move(*opened);
    const std::vector<Candidate> all = candidates(settings.folder, task);
    for (const Candidate& candidate : all)
      if (!tryOne(candidate)) return 3;
    duel(bestOfSides(all, results));
    return 0;
  }

private:
  void say(const std::string& line) {
    std::fprintf(out, "%s\n", line.c_str());
    std::fflush(out);
  }

  /// False when the device is lost.
  bool tryOne(const Candidate& candidate) {
    std::string key = candidate.key();
    bool known = results.contains(key);
    if (known && (!expected.empty() || !results[key].problem.empty())) return true;
    auto artefact = loadArtefact(settings.folder, task, candidate);
    say("try " + key);
    auto outcome = artefact ? measure(*artefact, candidate) : Result<double>(fail(artefact.error()));
    if (!outcome) {
      std::string text = outcome.error().text();
      std::ranges::replace(text, '\n', ' ');
      results[key] = {0, text};
      say("bad " + key + " " + text);
      ErrorKind kind = outcome.error().kind;
      return kind != ErrorKind::Faulted && kind != ErrorKind::TimedOut;
    }
    results[key] = {*outcome, {}};
    char line[64];
    std::snprintf(line, sizeof(line), " %.9g", *outcome);
    say("time " + key + line);
    return true;
  }

  Result<double> measure(const Artefact& artefact, const Candidate& candidate) {
    auto kernel = gpu->device().load(artefact);
    if (!kernel) return fail(kernel.error());
    auto values = gpu->outputs(**kernel, candidate);
    if (!values) return fail(values.error());
    if (expected.empty()) expected = *values;
    if (std::string wrong = disagreement(task, *values, expected); !wrong.empty())
      return fail(ErrorKind::Internal, "wrong result: " + wrong);
    auto times = gpu->time(**kernel, candidate, settings.repeats);
    if (!times) return fail(times.error());
    return median(*times);
  }

  /// Whoever takes turns in the duel.
  struct Fighter {
    std::string side;
    std::function<Result<std::vector<double>>()> fight;
    std::vector<double> times = {};
  };

  std::vector<Fighter> fighters(const std::map<std::string, Candidate>& best) {
    std::vector<Fighter> all;
    for (const auto& [side, candidate] : best) {
      auto artefact = loadArtefact(settings.folder, task, candidate);
      if (!artefact) continue;
      auto loaded = gpu->device().load(*artefact);
      if (!loaded) continue;
      std::shared_ptr<LoadedKernel> kernel = std::move(*loaded);
      all.push_back(
          {side, [this, kernel, candidate] { return gpu->time(*kernel, candidate, settings.repeats); }});
    }
    if (!settings.torch || task.torch.empty()) return all;
    if (auto ready = settings.torch->prepare(task.torch); !ready)
      say("note " + ready.error().message);
    else
      all.push_back({torchSide, [this] { return settings.torch->time(settings.repeats); }});
    return all;
  }

  void duel(const std::map<std::string, Candidate>& best) {
    std::vector<Fighter> all = fighters(best);
    for (int round = 0; round < settings.rounds; ++round)
      for (size_t turn = 0; turn < all.size(); ++turn) {
        Fighter& fighter = all[(turn + static_cast<size_t>(round)) % all.size()]; // none is always first
        auto some = fighter.fight();
        if (some) fighter.times.insert(fighter.times.end(), some->begin(), some->end());
      }
    for (const Fighter& fighter : all) {
      if (fighter.times.empty()) continue;
      char line[96];
      std::snprintf(line, sizeof(line), "duel %s %.9g", fighter.side.c_str(), median(fighter.times));
      say(line);
    }
  }

  const Settings& settings;
  const PlanTask& task;
  Results& results;
  FILE* out;
  std::unique_ptr<GpuTask> gpu;
  std::vector<double> expected;
};

/// Takes in what a child says; `trying` is what it would have died of.
class Listener {
public:
  Listener(const PlanTask& task, Results& results, Duel& duel) : task(task), results(results), duel(duel) {}

  void hear(const std::string& text) {
    std::istringstream words(text);
    std::string verb, key;
    words >> verb >> key;
    double seconds = 0;
    if (verb == "try") {
      trying = key;
    } else if (verb == "time" && words >> seconds) {
      results[key] = {seconds, {}};
      trying.clear();
    } else if (verb == "bad") {
      results[key] = {0, text.substr(std::min(text.size(), 5 + key.size()))};
      trying.clear();
    } else if (verb == "duel" && words >> seconds) {
      duel[key] = seconds;
    } else if (verb == "note") {
      std::cerr << task.name << ": " << text.substr(5) << "\n";
    } else if (verb == "failed") {
      std::cerr << task.name << ": " << text.substr(7) << "\n";
      failed = true;
    }
  }

  std::string trying;
  bool failed = false;

private:
  const PlanTask& task;
  Results& results;
  Duel& duel;
};

/// Runs one child to its end; true when it came to the duel or had nothing left to break on.
bool runChild(const Settings& settings, const PlanTask& task, Results& results, Duel& duel) {
  int ends[2];
  if (pipe(ends) != 0) return true;
  std::fflush(nullptr);
  size_t before = results.size();
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    int code = Child(settings, task, results, fdopen(ends[1], "w")).run();
    std::fflush(nullptr);
    _exit(code); // a lost device is not tidied up
  }
  close(ends[1]);
  FILE* in = fdopen(ends[0], "r");
  Listener listener(task, results, duel);
  char line[4096];
  while (std::fgets(line, sizeof(line), in))
    listener.hear(std::string(line, std::strcspn(line, "\n")));
  std::fclose(in);
  int status = 0;
  waitpid(child, &status, 0);
  if (!listener.trying.empty()) results[listener.trying] = {0, "the process died"};
  bool hopeless = listener.failed || results.size() == before; // it would end the same way again
  return hopeless || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void printTask(const Settings& settings, const PlanTask& task, const Results& results, const Duel& duel) {
  auto ours = fastestOfOurs(duel), triton = fastestOfTriton(duel);
  std::printf("%-28s ", task.name.c_str());
  if (ours && triton)
    std::printf("Triton's best / our best %.3f; %s wins\n", triton->second / ours->second,
                (ours->second <= triton->second ? ours : triton)->first.c_str());
  else
    std::printf("no comparison: %s\n", ours ? "nothing of Triton's ran" : "nothing of ours ran");
  const Throughput work = workOf(task);
  const std::vector<Candidate> all = candidates(settings.folder, task);
  const auto best = bestOfSides(all, results);
  if (auto torch = duel.find(torchSide); torch != duel.end())
    std::printf("  %-12s %10.2f us %9.1f %s\n", torchSide, torch->second * 1e6, work.amount / torch->second,
                work.unit);
  std::map<std::string, std::pair<int, int>> ran; // of how many
  for (const Candidate& candidate : all) {
    auto result = results.find(candidate.key());
    ran[candidate.side].first += result != results.end() && result->second.problem.empty();
    ++ran[candidate.side].second;
  }
  for (const auto& [side, counts] : ran) {
    std::printf("  %-12s ", side.c_str());
    if (auto seconds = duel.find(side); seconds != duel.end())
      std::printf("%10.2f us %9.1f %s  ", seconds->second * 1e6, work.amount / seconds->second, work.unit);
    std::printf("ran %d of %d", counts.first, counts.second);
    if (auto found = best.find(side); found != best.end())
      std::printf("  %s", describe(task, found->second).c_str());
    std::printf("\n");
  }
  std::fflush(stdout);
}

nlohmann::json record(const Settings& settings, const PlanTask& task, const Results& results,
                      const Duel& duel) {
  nlohmann::json tried = nlohmann::json::array();
  for (const Candidate& candidate : candidates(settings.folder, task)) {
    auto found = results.find(candidate.key());
    if (found == results.end()) continue;
    const Measured& result = found->second;
    tried.push_back({{"side", candidate.side},
                     {"configuration", describe(task, candidate)},
                     {"seconds", result.problem.empty() ? nlohmann::json(result.seconds) : nlohmann::json()},
                     {"problem", result.problem}});
  }
  return {
      {"task", task.name}, {"flops", task.flops}, {"bytes", task.bytes}, {"duel", duel}, {"tried", tried}};
}

} // namespace

int main(int argc, char** argv) {
  Settings settings;
  std::string only, json, folder, torch;
  CLI::App app("compare our cubins with Triton's");
  app.add_option("folder", folder, "what gpu_prepare and triton_cubins.py filled")->required();
  app.add_option("--device", settings.device, "CUDA device");
  app.add_option("--only", only, "tasks whose name starts so");
  app.add_option("--repeats", settings.repeats, "launches a variant, and a turn of the duel");
  app.add_option("--torch", torch, "the command that runs torch_side.py");
  app.add_option("--json", json, "file for every time and failure");
  CLI11_PARSE(app, argc, argv);
  settings.folder = folder;

  std::string text = readFile(settings.folder / "plan.json");
  if (text.empty()) {
    std::cerr << "gpu_compare: no " << (settings.folder / "plan.json") << "; gpu_prepare makes it\n";
    return 1;
  }
  Plan plan = planFromJson(nlohmann::json::parse(text));
  std::unique_ptr<TorchSide> side;
  if (!torch.empty()) {
    auto started = TorchSide::start(torch);
    if (!started) {
      std::cerr << "gpu_compare: " << started.error().text() << "\n";
      return 1;
    }
    side = std::move(*started);
    settings.torch = side.get();
  }
  nlohmann::json records = nlohmann::json::array();
  std::vector<std::pair<const PlanTask*, Duel>> duels;
  bool all = true;
  for (const PlanTask& task : plan.tasks) {
    if (!task.name.starts_with(only)) continue;
    Results results;
    Duel duel;
    while (!runChild(settings, task, results, duel)) {
    }
    printTask(settings, task, results, duel);
    for (const auto& [key, result] : results)
      if (!result.problem.empty())
        std::fprintf(stderr, "%s %s: %s\n", task.name.c_str(), key.c_str(), result.problem.c_str());
    records.push_back(record(settings, task, results, duel));
    // Kept as it grows: a run that is cut short has what it measured.
    if (!json.empty()) writeFile(std::filesystem::absolute(json), records.dump(1));
    all = all && fastestOfOurs(duel) && fastestOfTriton(duel);
    duels.push_back({&task, duel});
  }
  std::printf("\n%s", table(duels).c_str());
  return all ? 0 : 1;
}
