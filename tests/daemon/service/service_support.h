// A service without a transport, its workers played by fake_worker, and documents for it.
#pragma once
#include "daemon/service/service.h"

#include "base/sha256.h"
#include "client/protocol/json.h"
#include "daemon/service/answers/convert.h"
#include "tests/daemon/scratch.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

namespace tuned::test {

inline const protocol::Values sizes = {{"n", 4096}};

inline std::string documentOf(const std::string& name, const std::string& source,
                              const std::string& more = {}) {
  return R"({"name":")" + name + R"(","source_text":")" + source +
         R"(","entry":"kernel","sizes":["n"],"parameters":{"BLOCK":[64,128,256]},"arguments":[)"
         R"({"name":"x","type":"*f32","shape":["n"]},)"
         R"({"name":"y","type":"*f32","shape":["n"],"output":true,"fill":"zeros"}],)"
         R"j("grid":["cdiv(n, BLOCK)"],"default":{"BLOCK":128})j" +
         more + "}";
}

inline std::string tolerance(double absolute) {
  return R"(,"tolerance":{"relative":0,"absolute":)" + std::to_string(absolute) + "}";
}

inline protocol::TuneRequest requestFor(const std::string& document, const protocol::Values& at = sizes) {
  protocol::TuneRequest request;
  request.document = document;
  request.sizes = at;
  return request;
}

/// Whether something becomes true within two minutes, which a busy machine may need.
inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 12'000 && !holds(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return holds();
}

/// A daemon's service on a folder, with one device of the fake worker.
class Daemon {
public:
  explicit Daemon(const std::string& folder, const std::string& build = "build-1", int devices = 1,
                  double quietSeconds = 30, bool exclusive = false,
                  const std::string& architecture = "fake") {
    auto store = store::Store::open(folder + "/cache");
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().text()));
    Options options;
    options.worker = FAKE_WORKER;
    options.compileWorkers = 2;
    options.socket = "none";
    options.quietSeconds = quietSeconds;
    service_ = std::make_unique<Service>(options, std::move(*store));
    DeviceInfo info;
    info.id = "cuda:0";
    info.name = "a fake";
    info.architecture = architecture;
    info.capabilities.compileTarget = "fakes"; // a kind: binaries name what loads them
    info.capabilities.exclusive = exclusive;
    info.memoryBytes = int64_t{1} << 40;
    std::vector<KnownDevice> all;
    for (int i = 0; i < devices; ++i) {
      info.id = "cuda:" + std::to_string(i);
      all.push_back({info, targetOf(info, build, "assembler-1")});
    }
    service_->setDevices(all, {});
  }

  Service* operator->() { return service_.get(); }

  /// Queues a tuning, which must be taken.
  protocol::JobStatus begin(const protocol::TuneRequest& request, const std::string& user = {}) {
    auto job = service_->tune(request, user);
    REQUIRE_MESSAGE(job.has_value(), (job ? "" : job.error().text()));
    return *job;
  }
  protocol::JobStatus status(const std::string& job) { return (*service_->job(job))->status(); }
  /// Queues a tuning and waits for its end.
  protocol::JobStatus tune(const protocol::TuneRequest& request, const std::string& user = {}) {
    const std::string job = begin(request, user).id;
    REQUIRE(eventually([&] { return (*service_->job(job))->finished(); }));
    return status(job);
  }
  protocol::JobStatus tune(const std::string& document, bool force = false,
                           const protocol::Values& at = sizes) {
    auto request = requestFor(document, at);
    request.force = force;
    return tune(request);
  }

  Result<protocol::Answer> ask(const std::string& document, const protocol::Values& at = sizes) {
    protocol::BestRequest request;
    request.document = document;
    request.sizes = at;
    request.tune = false;
    auto result = service_->best(request);
    if (!result) return fail(result.error());
    return result->answer;
  }
  /// The block of a winner; 0: there is none.
  int64_t winner(const std::string& document) {
    auto answer = ask(document);
    return answer && answer->source == "cache" ? answer->configuration.at("BLOCK") : 0;
  }

  /// How much was compiled, or measured in searches and checks, since it was asked last.
  int compiled() { return since("gpu_tuned_builds_made_total"); }
  int measured() { return since("gpu_tuned_trials_total"); }

private:
  /// The sum over all lines of a counter, less what it was.
  int since(const std::string& counter) {
    std::istringstream lines(service_->metricsText());
    int count = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(counter)) count += std::stoi(line.substr(line.rfind(' ')));
    const int out = count - counted_[counter];
    counted_[counter] = count;
    return out;
  }

  std::unique_ptr<Service> service_;
  std::map<std::string, int> counted_;
};

} // namespace tuned::test
