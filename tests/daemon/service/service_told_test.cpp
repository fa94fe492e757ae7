// What is told is done: whoever hears of a job's state finds the service, the store and its own quota so.
#include "tests/daemon/service/service_support.h"

#include <future>
#include <utility>

using namespace tuned;
using namespace tuned::test;

namespace {
protocol::BestRequest questionOf(const std::string& document) {
  protocol::BestRequest request;
  request.document = document;
  request.sizes = sizes;
  request.tune = false;
  return request;
}

/// Its state in the store; empty: it is not unfinished there.
std::string keptState(Daemon& daemon, const std::string& id) {
  const auto jobs = daemon->store().unfinishedJobs();
  if (!jobs) return "unknown";
  for (const store::JobRecord& record : *jobs)
    if (record.id == id) return record.state;
  return {};
}

/// Holds a queue's thread at the job that it runs.
class Gate {
public:
  void reach() {
    reached_.set_value();
    opened_.get_future().wait();
  }
  void whenReached() { reached_.get_future().wait(); }
  void open() { opened_.set_value(); }

private:
  std::promise<void> reached_, opened_;
};

std::shared_ptr<Job> jobOf(unsigned user, const std::string& device) {
  JobSpec spec;
  spec.id = "1";
  spec.kernel = std::make_shared<const Kernel>();
  spec.request.device = device;
  spec.user = user;
  return std::make_shared<Job>(spec);
}
} // namespace

TEST_CASE("who is told that a tuning has ended gets no answer from before it") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("kernel", "plain");
  REQUIRE(daemon.tune(document).state == "done");
  daemon->remember("text", *daemon->best(questionOf(document)));
  REQUIRE(daemon->hit("text"));
  REQUIRE(daemon->pause(true));
  auto request = requestFor(document);
  request.force = true;
  const auto job = *daemon->job(daemon.begin(request).id);
  bool old = true;
  const auto listening = job->listen([&] {
    if (job->finished()) old = daemon->hit("text") != nullptr;
  });
  REQUIRE(daemon->pause(false));
  REQUIRE(eventually([&] { return daemon->idle(); }));
  CHECK(job->status().state == "done");
  CHECK_FALSE(old);
}

TEST_CASE("an answer that was looked up before a change is not remembered after it") {
  Scratch folder;
  Daemon daemon(folder.path());
  const std::string document = documentOf("kernel", "plain");
  REQUIRE(daemon.tune(document).state == "done");
  const auto before = daemon->best(questionOf(document));
  REQUIRE(before);
  REQUIRE(daemon.tune(document, true).state == "done");
  daemon->remember("text", *before);
  CHECK_FALSE(daemon->hit("text"));
  const auto after = daemon->best(questionOf(document));
  REQUIRE(after);
  protocol::ForgetRequest forget;
  forget.kernel = "kernel";
  REQUIRE(daemon->forget(forget));
  daemon->remember("text", *after);
  CHECK_FALSE(daemon->hit("text"));
}

TEST_CASE("a name that stands for another kernel since, however that came, is not answered from memory") {
  Scratch folder;
  Daemon daemon(folder.path());
  REQUIRE(daemon.tune(documentOf("kernel", "plain")).state == "done");
  protocol::BestRequest byName;
  byName.kernel = "kernel";
  byName.sizes = sizes;
  const auto answer = daemon->best(byName);
  REQUIRE(answer);
  daemon->remember("text", *answer);
  REQUIRE(daemon->pause(true)); // one that ends would have it forgotten, too
  daemon.begin(requestFor(documentOf("kernel", "plain"), {{"n", 64}})); // the same document
  CHECK(daemon->hit("text"));
  daemon.begin(requestFor(documentOf("kernel", "another")));
  CHECK_FALSE(daemon->hit("text"));
}

TEST_CASE("documents of one name that are asked in turn are answered from memory each") {
  Scratch folder;
  Daemon daemon(folder.path());
  for (const char* source : {"one", "two"})
    REQUIRE(daemon.tune(documentOf("kernel", source)).state == "done");
  for (int round = 0; round < 2; ++round)
    for (const char* source : {"one", "two"}) {
      if (round > 0) CHECK(daemon->hit(source));
      const auto answer = daemon->best(questionOf(documentOf("kernel", source)));
      REQUIRE(answer);
      daemon->remember(source, *answer);
      CHECK(daemon->hit(source));
    }
}

TEST_CASE("the store knows that a job runs, or was cancelled, before anybody else is told") {
  Scratch folder;
  Daemon daemon(folder.path());
  REQUIRE(daemon->pause(true));
  daemon.begin(requestFor(documentOf("first", "plain"))); // the others wait behind it
  const auto second = *daemon->job(daemon.begin(requestFor(documentOf("second", "plain"))).id),
             third = *daemon->job(daemon.begin(requestFor(documentOf("third", "plain"))).id);
  std::string running, cancelled = "nothing was told";
  const auto one = second->listen([&] {
    if (running.empty()) running = keptState(daemon, second->spec().id);
  });
  const auto other = third->listen([&] { cancelled = keptState(daemon, third->spec().id); });
  CHECK(keptState(daemon, third->spec().id) == "queued");
  const auto status = daemon->cancel(third->spec().id);
  REQUIRE(status);
  CHECK(status->state == "cancelled");
  CHECK(cancelled.empty());
  REQUIRE(daemon->cancel(third->spec().id)); // it was one
  CHECK(daemon->metricsText().contains("gpu_tuned_jobs_cancelled_total 1\n"));
  REQUIRE(daemon->pause(false));
  REQUIRE(eventually([&] { return daemon->idle(); }));
  CHECK(running == "running");
}

TEST_CASE("a job that is on its way to another device can be cancelled") {
  JobSpec spec;
  spec.id = "moving";
  spec.kernel = std::make_shared<const Kernel>();
  spec.request.device = "cuda:0";
  const auto moving = std::make_shared<Job>(spec);
  std::promise<bool> cancelled;
  Jobs* all = nullptr;
  const auto run = [&](Job& job) {
    job.moveTo("cuda:1");
    cancelled.set_value(all->cancel(moving) && job.stopToken().stop_requested());
  };
  Jobs jobs(run, [](const std::string&) {}, 60, {});
  all = &jobs;
  jobs.add(moving);
  CHECK(cancelled.get_future().get());
}

TEST_CASE("a job that has ended takes no place of its user's, though its thread is not through with it") {
  Gate gate;
  const auto run = [&](Job& job) {
    job.finish(JobState::Done, {}, {});
    gate.reach();
  };
  Jobs jobs(run, [](const std::string&) {}, 60, {.all = 1, .perUser = 1});
  CHECK(jobs.room(7));
  jobs.add(jobOf(7, "cuda:0"));
  gate.whenReached();
  CHECK(jobs.room(7));
  CHECK(jobs.room(8));
  CHECK_FALSE(jobs.running("cuda:0")); // nor is it told as the one that the device runs
  gate.open();
}

TEST_CASE("a job that goes to another device takes one place, and is the other's at once") {
  Gate from, to;
  Jobs* all = nullptr;
  const auto run = [&](Job& job) {
    const bool first = job.device() == "cuda:0";
    if (first) all->move(job, "cuda:1");
    (first ? from : to).reach();
    if (!first) job.finish(JobState::Done, {}, {});
  };
  Jobs jobs(run, [](const std::string&) {}, 60, {.all = 2, .perUser = 2});
  all = &jobs;
  jobs.add(jobOf(7, "cuda:0"));
  from.whenReached();
  to.whenReached();
  CHECK(jobs.room(7));
  CHECK(jobs.room(8));
  CHECK_FALSE(jobs.running("cuda:0"));
  CHECK(jobs.running("cuda:1"));
  from.open();
  to.open();
}
