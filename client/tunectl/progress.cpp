#include "client/tunectl/progress.h"

#include "client/tunectl/output.h"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tuned::tunectl {

namespace {
size_t terminalWidth() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string standing(const protocol::JobStatus& job) {
  std::string out = std::to_string(job.tried) + "/" + std::to_string(job.configurations);
  if (job.best && job.best->seconds)
    out += "  best " + formatSeconds(job.best->seconds) + "  " + formatValues(job.best->configuration);
  return out;
}
} // namespace

ProgressDisplay::ProgressDisplay() : terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressDisplay::~ProgressDisplay() {
  if (drawn_) std::fputc('\n', stderr);
}

void ProgressDisplay::show(const protocol::Event& event) {
  if (terminal_) {
    bar(event.job);
  } else {
    line(event);
  }
}

void ProgressDisplay::bar(const protocol::JobStatus& job) {
  constexpr int64_t cells = 24;
  const int64_t full = job.configurations > 0 ? std::min(cells, cells * job.tried / job.configurations) : 0;
  std::string text = job.kernelName + " on " + job.device + " [" +
                     std::string(static_cast<size_t>(full), '#') +
                     std::string(static_cast<size_t>(cells - full), '.') + "] " + standing(job);
  if (job.state == "queued") text += "  queued";
  if (job.phase == "duel") text += "  the best few once more";
  if (job.etaSeconds && job.state == "running")
    text += "  " + std::to_string(int64_t(*job.etaSeconds + 0.5)) + " s left";
  text.resize(std::min(text.size(), terminalWidth() - 1));
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressDisplay::line(const protocol::Event& event) {
  const protocol::JobStatus& job = event.job;
  if (event.trial) {
    const protocol::Trial& trial = *event.trial;
    const std::string result = trial.outcome == "timed"
                                   ? formatSeconds(trial.seconds) + (trial.abandoned ? " (abandoned)" : "")
                                   : trial.outcome + ": " + trial.reason.substr(0, 200);
    std::fprintf(stderr, "%s on %s %lld/%lld  %s  %s\n", job.kernelName.c_str(), job.device.c_str(),
                 static_cast<long long>(job.tried), static_cast<long long>(job.configurations),
                 formatValues(trial.configuration).c_str(), result.c_str());
  } else {
    std::fprintf(stderr, "%s on %s: %s  %s\n", job.kernelName.c_str(), job.device.c_str(),
                 (job.state + (job.phase.empty() ? "" : ", " + job.phase)).c_str(), standing(job).c_str());
  }
}

} // namespace tuned::tunectl
