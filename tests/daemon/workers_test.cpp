// Worker processes that crash, hang and eat memory: the pool answers with what happened, and goes on.
#include "base/model/device.h"
#include "base/model/json.h"
#include "daemon/worker/channel/messages.h"
#include "daemon/worker/channel/plain_cbor.h"
#include "daemon/worker_pool/pool.h"
#include "daemon/worker_pool/strays.h"
#include "tests/daemon/in_child.h"

#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace tuned;
using nlohmann::json;

namespace {
constexpr double patience = 60; // seconds that a busy machine may take for what takes none

WorkerPool pool(int slots = 1, bool retry = true) {
  return WorkerPool({{CRASHING_WORKER, {}}, slots, retry});
}
bool runs(pid_t pid) {
  return ::kill(pid, 0) == 0;
}
/// Whether a process that is no child of ours ends within a minute. Whoever adopted it may be slow to reap
/// it.
bool ends(pid_t pid) {
  for (int i = 0; i < 1200; ++i) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string state;
    if (!std::getline(file, state) || state.find(") Z") != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}
} // namespace

TEST_CASE("frames come whole, whatever their size, and a closed end is said so") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  Channel left(ends[0]);
  {
    Channel right(ends[1]);
    std::string large(5'000'000, 'a');
    std::thread sender([&] { CHECK(left.send({{"text", large}, {"bytes", json::binary({0, 255, 1})}})); });
    auto got = right.receive();
    sender.join();
    REQUIRE(got);
    CHECK(got->at("text") == large);
    CHECK(got->at("bytes").get_binary().size() == 3);
    auto late = right.receive(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
    CHECK(late.error().kind == ErrorKind::TimedOut);
    char junk[] = {2, 0, 0, 0, '\xff', '\xff'};
    REQUIRE(::write(ends[0], junk, sizeof junk) == sizeof junk);
    CHECK(right.receive().error().kind == ErrorKind::InvalidInput);
    char huge[] = {'\xff', '\xff', '\xff', '\xff'};
    REQUIRE(::write(ends[0], huge, sizeof huge) == sizeof huge);
    CHECK(right.receive().error().kind == ErrorKind::InvalidInput);
  }
  CHECK(left.receive().error().kind == ErrorKind::Unavailable);
  CHECK(left.send(json(1)).error().kind == ErrorKind::Unavailable);
}

TEST_CASE("a worker that is woken is the one that the first call finds; it goes when nobody comes") {
  WorkerPool workers = pool();
  REQUIRE(workers.wake());
  CHECK(workers.running() == 1);
  REQUIRE(workers.wake());
  CHECK(workers.running() == 1);
  auto first = workers.call("k", {{"op", "pid"}}, patience);
  REQUIRE(first);
  CHECK(workers.running() == 1);
  REQUIRE(workers.wake());
  CHECK(*workers.call("k", {{"op", "pid"}}, patience) == *first);
  workers.release();
  CHECK(workers.running() == 0);
  WorkerPool absent({{"/nowhere/worker", {}}, 3, true});
  CHECK(absent.wake().error().kind == ErrorKind::Unavailable);
}

TEST_CASE("all workers that there may be are woken, and told what to get ready for") {
  WorkerPool workers = pool(3);
  REQUIRE(workers.wake({{"op", "remember"}, {"value", 7}}));
  CHECK(workers.running() == 3);
  REQUIRE(workers.wake());
  CHECK(workers.running() == 3);
  std::vector<std::jthread> callers;
  std::atomic<int> knew = 0;
  for (int i = 0; i < 3; ++i) // all at once, so that each has another one
    callers.emplace_back([&] {
      auto told = workers.call("k", {{"op", "recall"}}, patience);
      knew += told && *told == 7;
    });
  callers.clear();
  CHECK(knew == 3);
  CHECK(workers.running() == 3);
  // One that cannot get ready is missed by nobody.
  WorkerPool crashing = pool(2);
  REQUIRE(crashing.wake({{"op", "segv"}}));
  CHECK(crashing.call("k", {{"op", "pid"}}, patience));
  // Nor does a pool that ends wait for those that never are.
  WorkerPool stuck = pool(2);
  REQUIRE(stuck.wake({{"op", "hang"}}));
}

TEST_CASE("a worker may ask while it works, and what it asks may be anything") {
  WorkerPool workers = pool();
  json heard = json::array();
  auto answering = [&](const json& question) {
    heard.push_back(question);
    return json{{"twice", question.is_number() ? 2 * question.get<int>() : 0}};
  };
  auto told = workers.call("k", {{"op", "ask"}, {"questions", {1, 20}}}, patience, {}, {}, answering);
  REQUIRE(told);
  CHECK(*told == json({2, 40}));
  CHECK(heard == json({1, 20}));
  // Whoever has no answers gives an empty one.
  CHECK(workers.call("k", {{"op", "ask"}, {"questions", {1}}}, patience)->at(0) == 0);
  auto odd = workers.call("k", {{"op", "ask"}, {"questions", {"text"}}}, patience, {}, {}, answering);
  CHECK(odd->at(0) == 0);
}

TEST_CASE("a worker that dies behind its question is replaced, and the next may ask again") {
  WorkerPool workers = pool();
  int asked = 0;
  auto dead = workers.call("k", {{"op", "ask and die"}}, patience, {}, {}, [&](const json&) {
    ++asked;
    return json::object();
  });
  CHECK(dead.error().kind == ErrorKind::Denied);
  CHECK(asked == 3);
  CHECK(workers.call("other", {{"op", "echo"}, {"value", 7}}, patience) == json(7));
}

TEST_CASE("a worker that asks without end, or says what is no answer, is ended at once and said so") {
  for (bool retry : {true, false}) {
    WorkerPool workers = pool(1, retry);
    const auto before = workers.call("k", {{"op", "pid"}}, patience);
    REQUIRE(before);
    auto asked = workers.call("asks", {{"op", "ask for ever"}}, 60);
    REQUIRE_FALSE(asked);
    CHECK_MESSAGE(asked.error().message.contains("it asked more than 64 times"), asked.error().message);
    auto said = workers.call("says", {{"op", "say"}, {"bytes", std::string("\2\0\0\0\x1c\x1c", 6)}}, 60);
    REQUIRE_FALSE(said);
    CHECK_MESSAGE(said.error().message.contains("a frame is not CBOR"), said.error().message);
    // It says as much of the work as a crash.
    CHECK(asked.error().kind == (retry ? ErrorKind::Denied : ErrorKind::Faulted));
    CHECK(said.error().kind == (retry ? ErrorKind::Denied : ErrorKind::Faulted));
    CHECK(workers.crashes() == (retry ? 6 : 2));
    const auto after = workers.call("k", {{"op", "pid"}}, patience);
    REQUIRE(after);
    CHECK(*after != *before);
    CHECK_FALSE(runs(before->get<pid_t>()));
  }
}

TEST_CASE("artefacts, devices and errors come through unchanged") {
  Artefact artefact{"cubin",
                    "sm_90a",
                    std::string("\0\1\xff", 3),
                    {"k",
                     {128, 1, 1},
                     4096,
                     64,
                     2,
                     {{ParameterKind::TensorMap, 128, TensorMapLayout{3, 6, 2, {64}}},
                      {ParameterKind::Scalar, 4},
                      {ParameterKind::Scalar, 8}}},
                    {40, 4096, 0},
                    {{"llvm", 0.5}},
                    "nvptx",
                    ""};
  auto back = artefactFromJson(json::from_cbor(json::to_cbor(artefactToJson(artefact))));
  REQUIRE(back);
  CHECK(back->bytes == artefact.bytes);
  CHECK(back->launch.parameters.at(0).kind == ParameterKind::TensorMap);
  CHECK(back->launch.parameters.at(0).map == artefact.launch.parameters.at(0).map);
  CHECK(back->launch.dynamicSharedBytes == 4096);
  CHECK(back->resources.registers == 40);
  CHECK_FALSE(artefactFromJson(json{{"format", 1}}).has_value());
  Artefact absurd = artefact;
  absurd.launch.parameters[0].map->box = {int64_t{1} << 62};
  auto refused = artefactFromJson(artefactToJson(absurd));
  REQUIRE_FALSE(refused);
  CHECK_MESSAGE(refused.error().message.contains("launch.parameters[0].map.box"), refused.error().message);
  Error error{ErrorKind::Unsupported, "m", Location{"f", 3, 4}, "r"};
  CHECK(errorFromJson(toJson(error)).text() == error.text());
  DeviceInfo info{"cuda:0", "H100", "sm_90a", 132, 80, 227, 65536, 50, {1, 2, 3}, "580"};
  CHECK(model::fromJson<DeviceInfo>(model::toJson(info))->gridLimit[2] == 3);
}

TEST_CASE("a worker is kept between calls, and errors it answers are not crashes") {
  auto workers = pool();
  auto first = workers.call("k", {{"op", "pid"}}, patience);
  REQUIRE(first);
  auto error = workers.call("k", {{"op", "error"}}, patience);
  CHECK(error.error().kind == ErrorKind::Unsupported);
  CHECK(error.error().remedy == "another");
  CHECK(workers.call("k", {{"op", "nonsense"}}, patience).error().kind == ErrorKind::Internal);
  CHECK(*workers.call("k", {{"op", "pid"}}, patience) == *first);
  CHECK(workers.crashes() == 0);
  workers.release();
  CHECK_FALSE(runs(first->get<pid_t>()));
}

TEST_CASE("three crashes on one key and it is refused with the reason; others go on") {
  auto workers = pool();
  auto crashed = workers.call("bad", {{"op", "segv"}}, patience);
  REQUIRE_FALSE(crashed);
  CHECK(crashed.error().message.find("3 times") != std::string::npos);
  CHECK(crashed.error().message.find("SEGV") != std::string::npos);
  CHECK(workers.crashes() == 3);
  CHECK(workers.call("bad", {{"op", "pid"}}, patience).error().kind == ErrorKind::Denied);
  CHECK(*workers.call("good", {{"op", "echo"}, {"value", 7}}, patience) == 7);
  workers.ledger().forget("ba");
  CHECK(workers.call("bad", {{"op", "pid"}}, patience).has_value());
}

TEST_CASE("what crashed workers is forgotten after a day, and beyond so many keys and bytes") {
  using Clock = CrashLedger::Clock;
  CrashLedger ledger;
  const auto start = Clock::now();
  for (int i = 0; i < CrashLedger::limit; ++i)
    ledger.add("old", "SIGSEGV", start);
  auto refused = ledger.refusal("old", start);
  REQUIRE(refused);
  CHECK(refused->remedy.contains("24 hours"));
  CHECK(ledger.refusal("old", start + CrashLedger::keptFor - std::chrono::seconds(1)));
  CHECK_FALSE(ledger.refusal("old", start + CrashLedger::keptFor + std::chrono::seconds(1)));
  // The next crash after that is the first again.
  CHECK(ledger.add("old", "SIGSEGV", start + CrashLedger::keptFor + std::chrono::seconds(1)) == 1);

  const auto later = start + std::chrono::hours(25);
  for (size_t i = 0; i < 3 * CrashLedger::mostKeys; ++i)
    ledger.add("key " + std::to_string(i), "SIGSEGV", later + std::chrono::milliseconds(i));
  CHECK(ledger.keys() == CrashLedger::mostKeys);
  const std::string last = "key " + std::to_string(3 * CrashLedger::mostKeys - 1);
  CHECK(ledger.add(last, "SIGSEGV", later + std::chrono::hours(1)) == 2); // the newest are there
  CHECK(ledger.add("key 0", "SIGSEGV", later + std::chrono::hours(1)) == 1);

  for (size_t i = 0; i < 20; ++i)
    ledger.add(std::string(CrashLedger::mostBytes / 8, static_cast<char>('a' + i)),
               std::string(CrashLedger::mostBytes, 'w'), later + std::chrono::hours(2));
  CHECK(ledger.bytes() <= CrashLedger::mostBytes);
  CHECK(ledger.keys() < 8);
  ledger.forget("");
  CHECK(ledger.keys() == 0);
  CHECK(ledger.bytes() == 0);
}

TEST_CASE("a worker that served one user is given to no other, and one user's workers stay") {
  WorkerPool workers({{CRASHING_WORKER, {}}, 2, true, true});
  const auto pidFor = [&](const std::string& owner) {
    auto pid = workers.call("k", {{"op", "pid"}}, patience, {}, owner);
    REQUIRE(pid);
    return pid->get<pid_t>();
  };
  REQUIRE(workers.wake());
  // One that is still being woken has a place, and is nobody's to take.
  for (int i = 0; i < 6000 && workers.idle() < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const pid_t first = pidFor("1000");
  CHECK(workers.running() == 2); // two were awake, and had served nobody
  for (int i = 0; i < 3; ++i)
    CHECK(pidFor("1000") == first);
  // There is room for a worker of another's: both stay.
  const pid_t second = pidFor("1001");
  CHECK(second != first);
  CHECK(pidFor("1000") == first);
  CHECK(pidFor("1001") == second);
  CHECK(workers.running() == 2);
  // For a third, the one that has been idle longest goes.
  const pid_t third = pidFor("1002");
  CHECK(third != first);
  CHECK(third != second);
  CHECK_FALSE(runs(first));
  CHECK(pidFor("1001") == second);
  CHECK(workers.running() == 2);
  // The daemon itself is an owner like others, and not nobody.
  const pid_t daemon = pidFor("");
  CHECK(daemon != second);
  CHECK(daemon != third);
  CHECK(pidFor("1003") != daemon);
}

TEST_CASE("a device worker that faulted is not tried again, one killed from outside is") {
  auto workers = pool(1, false);
  auto faulted = workers.call("k", {{"op", "segv"}}, patience);
  CHECK(faulted.error().kind == ErrorKind::Faulted);
  CHECK(workers.crashes() == 1);
  CHECK(workers.call("exits", {{"op", "exit"}}, patience).error().message.find("status 3") !=
        std::string::npos);
  CHECK(workers.call("killed", {{"op", "kill"}}, patience).error().kind == ErrorKind::Denied);
  CHECK(workers.crashes() == 5);
}

TEST_CASE("a worker killed in mid-job is replaced and the job done") {
  auto workers = pool();
  auto pid = workers.call("k", {{"op", "pid"}}, patience)->get<pid_t>();
  ::kill(pid, SIGKILL);
  auto next = workers.call("k", {{"op", "pid"}}, patience);
  REQUIRE(next);
  CHECK(next->get<pid_t>() != pid);
}

TEST_CASE("what hangs is killed at its deadline, what is stopped at once") {
  auto workers = pool();
  auto start = std::chrono::steady_clock::now();
  CHECK(workers.call("k", {{"op", "hang"}}, 0.3).error().kind == ErrorKind::TimedOut);
  CHECK(workers.timeouts() == 1);
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  CHECK(workers.call("k", {{"op", "hang"}}, 60, stop.get_token()).error().kind == ErrorKind::Denied);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(40));
  CHECK(workers.running() == 0);
  CHECK(workers.call("k", {{"op", "pid"}}, patience).has_value());
}

TEST_CASE("processor time and memory are limited") {
  auto workers = pool(1, false);
  // Two seconds of a processor's time, of which a busy machine gives little.
  CHECK(workers.call("spin", {{"op", "spin"}}, 200).error().message.find("XCPU") != std::string::npos);
#ifndef TUNED_SANITIZED // whose shadow takes more addresses than any limit leaves
  auto memory = workers.call("memory", {{"op", "memory"}}, patience);
  REQUIRE_FALSE(memory);
  CHECK(memory.error().kind == ErrorKind::OutOfResources);
#endif
}

TEST_CASE("workers end with their daemon, also in the middle of a job") {
  int report[2];
  REQUIRE(::pipe(report) == 0);
  pid_t daemon = ::fork();
  if (daemon == 0) {
    auto workers = pool();
    pid_t pid = workers.call("k", {{"op", "pid"}}, patience)->get<pid_t>();
    (void)!::write(report[1], &pid, sizeof pid);
    (void)workers.call("k", {{"op", "hang"}}, 60);
    ::_exit(0);
  }
  pid_t worker = 0;
  REQUIRE(::read(report[0], &worker, sizeof worker) == sizeof worker);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  ::kill(daemon, SIGKILL);
  CHECK(ends(worker));
}

TEST_CASE("what a worker leaves behind ends with it, however it ends") {
  auto workers = pool(1, false);
  const auto left = [&] {
    auto child = workers.call("k", {{"op", "leave a child"}}, patience);
    REQUIRE(child);
    CHECK(runs(child->get<pid_t>()));
    return child->get<pid_t>();
  };
  pid_t child = left();
  workers.release();
  CHECK(ends(child));
  child = left();
  // What it left has the channel, too: the process tells of its death, not the deadline.
  const auto died = workers.call("k", {{"op", "segv"}}, patience);
  REQUIRE_FALSE(died);
  CHECK(died.error().kind == ErrorKind::Faulted);
  CHECK(died.error().message.find("SEGV") != std::string::npos);
  CHECK(ends(child));
  child = left();
  CHECK_FALSE(workers.call("k", {{"op", "hang"}}, 0.3));
  CHECK(ends(child));
}

TEST_CASE("what leaves its worker's process group ends with the worker, too, and other workers stay") {
  CHECK(test::inChild([] {
          strays::adopt();
          auto workers = pool(1, false), others = pool();
          const auto other = others.call("k", {{"op", "pid"}}, patience);
          const auto first = workers.call("k", {{"op", "orphan"}}, patience);
          if (!other || !first || !runs(first->get<pid_t>())) return 1;
          workers.release();
          if (!ends(first->get<pid_t>())) return 2;
          const auto second = workers.call("k", {{"op", "orphan"}}, patience);
          if (!second || workers.call("k", {{"op", "segv"}}, patience)) return 3;
          if (!ends(second->get<pid_t>())) return 4;
          const auto third = workers.call("k", {{"op", "orphan's orphan"}}, patience);
          const auto fourth = workers.call("k", {{"op", "orphan's orphan"}}, patience);
          if (!third || !fourth || !runs(fourth->get<pid_t>())) return 5;
          // What is dead does not stay until a worker ends, and what lives does.
          ::kill(third->get<pid_t>(), SIGKILL);
          if (!ends(third->get<pid_t>())) return 6;
          strays::reapDead();
          if (runs(third->get<pid_t>()) || !runs(fourth->get<pid_t>())) return 7;
          workers.release();
          if (!ends(fourth->get<pid_t>())) return 8;
          const auto still = others.call("k", {{"op", "pid"}}, patience);
          return still && *still == *other ? 0 : 9;
        }) == 0);
}

TEST_CASE("a worker ended by a signal from outside says nothing about what it was to do") {
  auto workers = pool(1, false);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGKILL}) {
    auto pid = workers.call("k", {{"op", "pid"}}, patience)->get<pid_t>();
    ::kill(pid, signal);
    auto next = workers.call("k", {{"op", "pid"}}, patience);
    REQUIRE_MESSAGE(next, (next ? "" : next.error().text()));
    CHECK(next->get<pid_t>() != pid);
  }
  CHECK_FALSE(workers.ledger().refusal("k"));
  // In the middle of its work, too; but not for ever.
  auto ended = workers.call("k", {{"op", "term"}}, patience);
  CHECK(ended.error().kind == ErrorKind::Unavailable);
  CHECK_FALSE(workers.ledger().refusal("k"));
}

TEST_CASE("a worker starts with nothing of the daemon's") {
  ::setenv("TUNED_TEST_SECRET", "for the daemon alone", 1);
  // Which devices there are is the driver's to read: indices, and names of GPUs and of parts of them.
  const std::string visible = "CUDA_VISIBLE_DEVICES=1,GPU-5ebe9f43,MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde";
  ::setenv("CUDA_VISIBLE_DEVICES", visible.substr(visible.find('=') + 1).c_str(), 1);
  int leaked[2];
  REQUIRE(::pipe(leaked) == 0); // open across exec
  auto workers = pool();
  auto seen = workers.call("k", {{"op", "surroundings"}}, patience);
  REQUIRE(seen);
  ::unsetenv("TUNED_TEST_SECRET");
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  const json environment = seen->at("environment");
  CHECK(std::ranges::find(environment, json(visible)) != environment.end());
  for (const json& descriptor : seen->at("descriptors"))
    CHECK(descriptor.get<int>() <= 4); // and the one that lists them
  std::string home;
  for (const json& variable : seen->at("environment")) {
    const std::string text = variable;
    CHECK(text.find("SECRET") == std::string::npos);
    if (text.starts_with("HOME=")) home = text.substr(5);
  }
  CHECK(std::filesystem::is_directory(home));
  workers.release();
  CHECK_FALSE(std::filesystem::exists(home));
  ::close(leaked[0]);
  ::close(leaked[1]);
}

TEST_CASE("folders that a killed daemon has left are swept") {
  const auto left = std::filesystem::temp_directory_path() / "gpu-tuned-worker-4194303-abcdef";
  std::filesystem::create_directories(left / "deep");
  auto kept = WorkerFolder::make();
  REQUIRE(kept);
  WorkerFolder::sweep();
  CHECK_FALSE(std::filesystem::exists(left));
  CHECK(std::filesystem::exists(kept->path()));
}

TEST_CASE("a confined worker reaches its own folder and its libraries, and nothing else") {
  for (const int work : {0, 1, 2}) {
    CAPTURE(work);
    auto workers = pool();
    auto seen = workers.call("k", {{"op", "confine"}, {"duty", work}}, patience);
    REQUIRE_MESSAGE(seen, (seen ? "" : seen.error().text()));
    INFO(seen->dump());
    CHECK(seen->at("entered") == true);
    CHECK(seen->at("capabilities").get<std::string>().find_first_not_of('0') == std::string::npos);
    if (::geteuid() == 0)
      CHECK(seen->at("bounding").get<std::string>().find_first_not_of('0') == std::string::npos);
    CHECK(seen->at("no_new_privileges") == "1");
    if (::geteuid() == 0) CHECK(seen->at("user") == 65534);
    CHECK(seen->at("threads") == true);
    for (const char* what : {"temporary", "memory_of_daemon", "tracing", "root"})
      CHECK_MESSAGE(seen->at(what) == false, what);
#ifndef TUNED_SANITIZED
    CHECK(seen->at("filters") == "2");
    for (const char* what : {"network", "connections", "datagrams", "namespaces"})
      CHECK_MESSAGE(seen->at(what) == false, what);
    CHECK(seen->at("sockets") == (work == 2)); // what NVIDIA's driver needs
    CHECK(seen->at("libraries") == true);
    if (work == 1) {
      CHECK(seen->at("shell") == false);
      CHECK(seen->at("signals") == false);
      CHECK(seen->at("closed") == true);
      CHECK(seen->at("libraries_after") == false);
      CHECK(seen->at("threads_after") == true);
    }
#endif
    CHECK(seen->at("own_folder") == true);
    CHECK(seen->at("passwords") == false);
  }
}

TEST_CASE("a worker serves one owner where native code runs") {
  WorkerPool workers({{CRASHING_WORKER, {}}, 1, false, true});
  auto first = workers.call("k", {{"op", "pid"}}, patience, {}, "1000");
  CHECK(*workers.call("k", {{"op", "pid"}}, patience, {}, "1000") == *first);
  auto other = workers.call("k", {{"op", "pid"}}, patience, {}, "1001");
  CHECK(*other != *first);
  CHECK_FALSE(runs(first->get<pid_t>()));
}

TEST_CASE("a pool that closes ends what is under way") {
  auto workers = pool();
  std::jthread closing([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    workers.close();
  });
  CHECK(workers.call("k", {{"op", "hang"}}, 60).error().kind == ErrorKind::Denied);
  const auto after = workers.call("k", {{"op", "pid"}}, 60);
  REQUIRE_FALSE(after);
  CHECK(after.error().kind == ErrorKind::Denied);
  CHECK(workers.running() == 0);
}

TEST_CASE("frames of a shape that our writer does not make are refused") {
  CHECK(isPlainCbor(std::string("\xf6", 1)));
  const json value = {{"a", {1, -2, 3.5, nullptr, true, "text", json::binary({1, 2})}},
                      {"b", json::object()}};
  std::string good;
  json::to_cbor(value, good);
  CHECK(isPlainCbor(good));
  CHECK_FALSE(isPlainCbor(good + "x"));
  for (size_t cut = 0; cut < good.size(); ++cut)
    CHECK_FALSE(isPlainCbor(std::string_view(good).substr(0, cut)));
  CHECK_FALSE(isPlainCbor(std::string(100'000, '\x81'))); // arrays within each other
  CHECK_FALSE(isPlainCbor(std::string(100'000, '\x7f'))); // texts of unknown length
  CHECK_FALSE(isPlainCbor(std::string("\xc1\x01", 2)));   // a tag
  CHECK_FALSE(
      isPlainCbor(std::string("\x9a\x00\x20\x00\x00", 5) + std::string(1 << 21, '\0'))); // 2^21 numbers
  CHECK_FALSE(isPlainCbor(std::string("\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9)));      // an array of 2^64
}

TEST_CASE("calls share the workers there are") {
  auto workers = pool(3);
  std::vector<std::jthread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < 12; ++i)
    callers.emplace_back([&, i] {
      auto answer = workers.call("k" + std::to_string(i), {{"op", "echo"}, {"value", i}}, patience);
      right += answer && *answer == i;
    });
  callers.clear();
  CHECK(right == 12);
  CHECK(workers.running() <= 3);
}
