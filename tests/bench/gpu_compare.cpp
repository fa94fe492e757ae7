// Times our cubins and Triton's, made of the same IR, on one GPU in one run, and checks that they agree.
//   gpu_compare DIR [--device N] [--only NAME] [--repeats N] [--json FILE]
// DIR is what gpu_prepare and then triton_cubins.py filled. Every configuration of both sides is launched,
// compared with Triton's default output and timed; then the best of each side are timed against each other,
// in turns. Each task runs in a process of its own, which is started again without the kernel that broke it.
// Exit: 0 when every task has a ratio (Triton's time over ours), 1 otherwise.
#include "gpu_task.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
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
  int device = 0, repeats = 12, rounds = 16;
};

/// A variant of one side: what it is called in the talk between processes.
std::string keyOf(Side side, size_t variant) {
  return (side == Side::Ours ? "ours:" : "triton:") + std::to_string(variant);
}

struct Measured {
  double seconds = 0;
  std::string problem; ///< why it does not count; empty: it does
};
using Results = std::map<std::string, Measured>;

struct Duel {
  double ours = 0, triton = 0;
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
  return values[values.size() / 2];
}

std::optional<size_t> best(const PlanTask& task, const Results& results, Side side) {
  std::optional<size_t> found;
  double least = 0;
  for (size_t i = 0; i < task.variants.size(); ++i) {
    auto result = results.find(keyOf(side, i));
    if (result == results.end() || !result->second.problem.empty()) continue;
    if (found && result->second.seconds >= least) continue;
    found = i;
    least = result->second.seconds;
  }
  return found;
}

/// The child's part: tries what has no result yet and tells the parent line by line.
class Child {
public:
  Child(const Settings& settings, const PlanTask& task, Results& results, FILE* out)
      : settings(settings), task(task), results(results), out(out) {}

  int run() {
    auto opened = GpuTask::open(task, settings.device);
    if (!opened) {
      std::fprintf(out, "failed %s\n", opened.error().text().c_str());
      return 2;
    }
    gpu = std::move(*opened);
    for (Side side : {Side::Triton, Side::Ours})
      for (size_t i = 0; i < task.variants.size(); ++i)
        if (!tryOne(side, i)) return 3;
    duel();
    return 0;
  }

private:
  void say(const std::string& line) {
    std::fprintf(out, "%s\n", line.c_str());
    std::fflush(out);
  }

  /// False when the device is lost.
  bool tryOne(Side side, size_t index) {
    const PlanVariant& variant = task.variants[index];
    std::string key = keyOf(side, index);
    bool known = results.contains(key);
    if (known && (!expected.empty() || !results[key].problem.empty())) return true;
    auto artefact = loadArtefact(settings.folder, variant, side);
    if (!artefact && artefact.error().kind == ErrorKind::NotFound) return true;
    say("try " + key);
    auto outcome = artefact ? measure(*artefact, variant, side) : Result<double>(fail(artefact.error()));
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

  Result<double> measure(const Artefact& artefact, const PlanVariant& variant, Side side) {
    auto kernel = gpu->device().load(artefact);
    if (!kernel) return fail(kernel.error());
    auto values = gpu->outputs(**kernel, variant, side);
    if (!values) return fail(values.error());
    if (expected.empty()) expected = *values;
    if (std::string wrong = disagreement(task, *values, expected); !wrong.empty())
      return fail(ErrorKind::Internal, "wrong result: " + wrong);
    auto times = gpu->time(**kernel, variant, side, settings.repeats);
    if (!times) return fail(times.error());
    return median(*times);
  }

  void duel() {
    auto ours = best(task, results, Side::Ours), triton = best(task, results, Side::Triton);
    if (!ours || !triton) return;
    std::unique_ptr<LoadedKernel> kernels[2];
    size_t variants[2] = {*ours, *triton};
    Side sides[2] = {Side::Ours, Side::Triton};
    std::vector<double> times[2];
    for (int side = 0; side < 2; ++side) {
      auto artefact = loadArtefact(settings.folder, task.variants[variants[side]], sides[side]);
      auto kernel = gpu->device().load(*artefact);
      if (!kernel) return;
      kernels[side] = std::move(*kernel);
    }
    for (int round = 0; round < settings.rounds; ++round)
      for (int side = 0; side < 2; ++side) {
        int which = (side + round) % 2; // neither is always the first
        auto some =
            gpu->time(*kernels[which], task.variants[variants[which]], sides[which], settings.repeats);
        if (some) times[which].insert(times[which].end(), some->begin(), some->end());
      }
    if (times[0].empty() || times[1].empty()) return;
    char line[96];
    std::snprintf(line, sizeof(line), "duel %.9g %.9g", median(times[0]), median(times[1]));
    say(line);
  }

  const Settings& settings;
  const PlanTask& task;
  Results& results;
  FILE* out;
  std::unique_ptr<GpuTask> gpu;
  std::vector<double> expected;
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
  std::string trying;
  char line[4096];
  bool failed = false;
  while (std::fgets(line, sizeof(line), in)) {
    std::string text(line, std::strcspn(line, "\n"));
    auto word = [&](size_t n) {
      std::istringstream words(text);
      std::string found;
      for (size_t i = 0; i <= n; ++i)
        words >> found;
      return found;
    };
    if (text.starts_with("try ")) trying = word(1);
    if (text.starts_with("time ")) results[word(1)] = {std::stod(word(2)), {}}, trying.clear();
    if (text.starts_with("bad ")) results[word(1)] = {0, text.substr(5 + word(1).size())}, trying.clear();
    if (text.starts_with("duel ")) duel = {std::stod(word(1)), std::stod(word(2))};
    if (text.starts_with("failed ")) std::cerr << task.name << ": " << text.substr(7) << "\n", failed = true;
  }
  std::fclose(in);
  int status = 0;
  waitpid(child, &status, 0);
  if (!trying.empty()) results[trying] = {0, "the process died"};
  failed = failed || results.size() == before; // it would end the same way again
  return failed || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void printTable(const PlanTask& task, const Results& results, const Duel& duel) {
  auto ours = best(task, results, Side::Ours), triton = best(task, results, Side::Triton);
  int bad[2] = {0, 0}, good[2] = {0, 0};
  for (const auto& [key, result] : results)
    ++(result.problem.empty() ? good : bad)[key.starts_with("triton")];
  std::printf("%-24s ", task.name.c_str());
  if (!ours || !triton || duel.ours == 0) {
    std::printf("no comparison: %d of ours and %d of Triton's run\n", good[0], good[1]);
    return;
  }
  bool compute = task.flops > 100 * task.bytes;
  double work = compute ? task.flops / 1e12 : task.bytes / 1e9;
  std::printf("%9.2f %9.2f us %7.3f  %8.1f %8.1f %s  ran %d/%d %d/%d\n%24s ours: %s\n%24s Triton: %s\n",
              duel.ours * 1e6, duel.triton * 1e6, duel.triton / duel.ours, work / duel.ours,
              work / duel.triton, compute ? "TFLOP/s" : "GB/s   ", good[0], good[0] + bad[0], good[1],
              good[1] + bad[1], "", task.variants[*ours].configuration.c_str(), "",
              task.variants[*triton].configuration.c_str());
  std::fflush(stdout);
}

nlohmann::json record(const PlanTask& task, const Results& results, const Duel& duel) {
  nlohmann::json variants = nlohmann::json::array();
  for (size_t i = 0; i < task.variants.size(); ++i) {
    nlohmann::json entry = {{"configuration", task.variants[i].configuration}};
    for (Side side : {Side::Ours, Side::Triton})
      if (auto found = results.find(keyOf(side, i)); found != results.end())
        entry[side == Side::Ours ? "ours" : "triton"] = found->second.problem.empty()
                                                            ? nlohmann::json(found->second.seconds)
                                                            : nlohmann::json(found->second.problem);
    variants.push_back(entry);
  }
  return {{"task", task.name}, {"ours", duel.ours}, {"triton", duel.triton}, {"variants", variants}};
}

} // namespace

int main(int argc, char** argv) {
  Settings settings;
  std::string only, json, folder;
  CLI::App app("compare our cubins with Triton's");
  app.add_option("folder", folder, "what gpu_prepare and triton_cubins.py filled")->required();
  app.add_option("--device", settings.device, "CUDA device");
  app.add_option("--only", only, "tasks whose name starts so");
  app.add_option("--repeats", settings.repeats, "launches a variant, and a turn of the duel");
  app.add_option("--json", json, "file for every time and failure");
  CLI11_PARSE(app, argc, argv);
  settings.folder = folder;

  std::string text = readFile(settings.folder / "plan.json");
  if (text.empty()) {
    std::cerr << "gpu_compare: no " << (settings.folder / "plan.json") << "; gpu_prepare makes it\n";
    return 1;
  }
  Plan plan = planFromJson(nlohmann::json::parse(text));
  nlohmann::json records = nlohmann::json::array();
  bool all = true;
  std::printf("%-24s %9s %9s    %7s  %8s %8s\n", "task", "ours", "Triton", "ratio", "ours", "Triton");
  for (const PlanTask& task : plan.tasks) {
    if (!task.name.starts_with(only)) continue;
    Results results;
    Duel duel;
    while (!runChild(settings, task, results, duel)) {
    }
    printTable(task, results, duel);
    for (const auto& [key, result] : results)
      if (!result.problem.empty() && key.starts_with("ours"))
        std::fprintf(stderr, "%s %s: %s\n", task.name.c_str(), key.c_str(), result.problem.c_str());
    records.push_back(record(task, results, duel));
    all = all && duel.ours > 0;
  }
  if (!json.empty()) writeFile(std::filesystem::absolute(json), records.dump(1));
  return all ? 0 : 1;
}
