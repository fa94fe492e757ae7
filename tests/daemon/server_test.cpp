// The daemon over its socket: what it answers, and that careless clients hurt nobody but themselves. No
// kernel is compiled here; tests/e2e does that.
#include "tests/daemon/daemon_program.h"
#include "tests/daemon/raw_socket.h"

#include <chrono>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

using namespace tuned::test;

namespace {

struct Running {
  Scratch folder;
  std::string socket = folder / "s.sock";
  DaemonProgram daemon;

  explicit Running(double requestSeconds = 60, int requestBytes = 4096)
      : daemon({"--config", configuration(requestSeconds, requestBytes), "--socket", socket, "--cache",
                folder / "cache"},
               folder / "log") {
    REQUIRE_MESSAGE(daemon.logs("serving"), daemon.log());
  }
  std::string configuration(double requestSeconds, int requestBytes) {
    std::ofstream(folder / "c.json") << "{\"request_seconds\": " << requestSeconds
                                     << ", \"request_bytes\": " << requestBytes << "}";
    return folder / "c.json";
  }
  bool serves() const { return RawSocket(socket).ask("GET", "/healthz").find("200 OK") != std::string::npos; }
};

bool has(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

/// What runs a program as one who may not write everywhere.
std::vector<std::string> nobody() {
  if (::geteuid() != 0) return {};
  return {"/usr/bin/setpriv", "--reuid=65534", "--clear-groups"};
}

int exitOf(std::vector<std::string> arguments, const Scratch& folder, std::string* said = nullptr) {
  DaemonProgram daemon(std::move(arguments), folder / "exit.log");
  int status = daemon.wait();
  if (said) *said = daemon.log();
  return status;
}

} // namespace

TEST_CASE("pages are answered, several on one connection") {
  Running tuned;
  RawSocket client(tuned.socket);
  CHECK(has(client.ask("GET", "/healthz"), "200 OK"));
  CHECK(has(client.ask("GET", "/metrics"), "gpu_tuned_connections_open 1"));
  std::string page = client.ask("GET", "/v1/openapi.json");
  CHECK(nlohmann::json::parse(page.substr(page.find("\r\n\r\n") + 4))["paths"].contains("/v1/best"));
  std::string status = client.ask("GET", "/v1/status");
  CHECK(has(status, "\"pid\":" + std::to_string(tuned.daemon.pid())));
  CHECK(has(client.ask("GET", "/v1/devices"), "devices"));
}

TEST_CASE("a request that comes in drops is answered, beside many that never end") {
  Running tuned;
  std::vector<std::unique_ptr<RawSocket>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<RawSocket>(tuned.socket));
    REQUIRE(slow.back()->send("POST /v1/best HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"));
  }
  RawSocket drops(tuned.socket);
  const std::string request = "POST /v1/best HTTP/1.1\r\nHost: tuned\r\nContent-Length: 28\r\n\r\n"
                              R"({"kernel":"none","sizes":{}})";
  for (size_t at = 0; at < request.size(); ++at) {
    for (auto& one : slow)
      REQUIRE(one->send("x"));
    REQUIRE(drops.send(request.substr(at, 1)));
  }
  CHECK(has(drops.receive("none"), "404 Not Found"));
  CHECK(has(drops.ask("GET", "/healthz"), "200 OK")); // and goes on as any other
  CHECK(tuned.serves());
  // Ending does not wait for those that are in line.
  for (auto& one : slow)
    REQUIRE(one->send("x"));
  CHECK(tuned.daemon.end(SIGTERM) == 0);
}

TEST_CASE("answers that nobody reads take no more memory than a user may have") {
  Running tuned(60, 2 << 20);
  const std::string value = R"({"value": {"a": ")" + std::string(1'000'000, 'a') + R"("}})";
  REQUIRE(has(RawSocket(tuned.socket).ask("PUT", "/v1/entries/large/one", value), "200 OK"));
  std::vector<std::unique_ptr<RawSocket>> clients;
  bool refused = false;
  // What is not read for 30 s is given up: a machine on which this takes longer has room all the time.
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(25);
  while (!refused && clients.size() < 900) {
    if (std::chrono::steady_clock::now() > late) {
      MESSAGE("skipped: the machine is too busy");
      return;
    }
    clients.push_back(std::make_unique<RawSocket>(tuned.socket));
    REQUIRE(clients.back()->send("GET /v1/entries/large/one HTTP/1.1\r\nHost: tuned\r\n\r\n"));
    // Its first bytes have come: the next finds it waiting.
    refused = has(clients.back()->receive("\r\n"), "503");
  }
  CHECK(refused);
  CHECK(clients.size() > 200);
  CHECK(tuned.serves()); // what is small and at hand
  clients.pop_back();
  // What was read counts no more, though no answer was read to its end.
  for (auto& client : clients)
    client->pass(600'000);
  CHECK(has(RawSocket(tuned.socket).ask("GET", "/v1/entries/large/one"), "200 OK"));
  clients.clear();
  std::string answer;
  for (int i = 0; i < 600 && !has(answer, "200 OK"); ++i) {
    ::usleep(100'000);
    answer = RawSocket(tuned.socket).ask("GET", "/v1/entries/large/one");
  }
  CHECK(has(answer, "200 OK"));
}

TEST_CASE("what is wrong is a problem with a kind and a remedy") {
  Running tuned;
  RawSocket client(tuned.socket);
  std::string answer = client.ask("GET", "/v1/nothing");
  CHECK(has(answer, "404 Not Found"));
  CHECK(has(answer, "application/problem+json"));
  answer = client.ask("DELETE", "/v1/best");
  CHECK(has(answer, "405"));
  CHECK(has(answer, "Allow: POST"));
  CHECK(has(client.ask("POST", "/v1/best", "{"), "400 Bad Request"));
  answer = client.ask("POST", "/v1/best", R"({"kernel":"none","sizes":{"n":-1},"unknown":1})");
  CHECK(has(answer, "400"));
  CHECK(has(answer, "unknown"));
  CHECK(has(client.ask("POST", "/v1/best", R"({"kernel":"none","sizes":{}})"), "404"));
  CHECK(has(client.ask("POST", "/v1/kernels", R"({"name":"k"})"), "400"));
  CHECK(has(client.ask("GET", "/v1/jobs/none"), "404"));
  CHECK(has(client.ask("GET", "/v1/jobs/none/events"), "404"));
  CHECK(has(client.ask("GET", "/v1/trials?limit=0"), "400"));
  CHECK(has(client.ask("GET", "/v1/artefacts/00"), "404"));
}

namespace {

/// The least that a schema takes.
nlohmann::json least(const nlohmann::json& schema) {
  const std::string type = schema.value("type", "");
  if (type == "string") return "x";
  if (type == "integer" || type == "number") return 1;
  if (type == "boolean") return false;
  if (type == "array") return nlohmann::json::array();
  nlohmann::json out = nlohmann::json::object();
  for (const auto& key : schema.value("required", nlohmann::json::array()))
    if (schema.contains("properties")) out[key] = least(schema["properties"][key]);
  return out;
}

} // namespace

TEST_CASE("no route passes over what it does not know") {
  Running tuned;
  RawSocket client(tuned.socket);
  const std::string page = client.ask("GET", "/v1/openapi.json");
  const auto api = nlohmann::json::parse(page.substr(page.find("\r\n\r\n") + 4));
  int routes = 0;
  for (const auto& [pattern, methods] : api["paths"].items())
    for (const auto& [name, operation] : methods.items()) {
      ++routes;
      std::string method = name, path = pattern;
      for (char& c : method)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      for (size_t open; (open = path.find('{')) != std::string::npos;)
        path.replace(open, path.find('}') + 1 - open, "some");
      const auto refuses = [&](const std::string& target, const std::string& body, const std::string& why) {
        RawSocket own(tuned.socket);
        const std::string answer = own.ask(method, target, body);
        INFO(method << " " << target << " " << body << ": " << answer);
        CHECK(answer.starts_with("HTTP/1.1 400"));
        CHECK(has(answer, why));
      };
      const bool takes = operation.contains("requestBody");
      const bool reads = takes && operation["requestBody"]["content"].contains("application/json");
      nlohmann::json body;
      if (reads) {
        const std::string schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        body = least(api["components"]["schemas"][schema.substr(schema.rfind('/') + 1)]);
        refuses(path, "", "JSON");
      }
      const std::string sound = reads ? body.dump() : "";
      refuses(path + "?no_such=1", sound, "unknown parameter 'no_such'");
      for (const auto& parameter : operation.value("parameters", nlohmann::json::array())) {
        if (parameter["in"] != "query") continue;
        const std::string query = path + "?" + std::string(parameter["name"]);
        refuses(query, sound, "has no value");
        refuses(query + "=%4", sound, "hexadecimal");
        refuses(query + "=1&" + std::string(parameter["name"]) + "=1", sound, "given twice");
      }
      if (takes && !reads) { // a file's bytes
        refuses(path, "[]", "no bundle");
        continue;
      }
      refuses(path, "[]", reads ? "an object" : "expected none");
      body["no_such"] = 1;
      refuses(path, body.dump(), "no_such");
      if (reads) refuses(path, body.dump().insert(1, "\"no_such\":1,"), "no_such: given twice");
    }
  CHECK(routes > 25);
  CHECK(has(client.ask("GET", "/v1/jobs/"), "404"));
  CHECK(has(client.ask("GET", "/v1/jobs/%zz"), "404"));
  for (const char* list : {"/v1/jobs?after=some", "/v1/trials?kernel=some", "/v1/trials?device=some",
                           "/v1/winners?kernel=some", "/v1/winners?device=some", "/v1/trials?job=some"})
    CHECK_MESSAGE(has(client.ask("GET", list), "404"), list);
  for (const char* list :
       {"/v1/trials?after=some", "/v1/trials?after=0", "/v1/winners?after=1", "/v1/winners?after=x-y",
        "/v1/kernels?after=some", "/v1/kernels?limit=0", "/v1/winners?limit=-1"})
    CHECK_MESSAGE(has(client.ask("GET", list), "400"), list);
  CHECK(has(client.ask("GET", "/v1/trials?job=some&device=cpu"), "400"));
  CHECK(has(client.ask("POST", "/v1/best", R"({"kernel":"none","sizes":{},"wait":-1})"), "wait"));
  CHECK(has(client.ask("POST", "/v1/best", R"({"kernel":"none","sizes":{},"budget":{"trials":-1}})"),
            "budget"));
  CHECK(has(client.ask("POST", "/v1/best", R"({"kernel":"none","sizes":{},"objective":{"tine":1}})"),
            "objective.tine"));
  CHECK(has(client.ask("POST", "/v1/pause", "{}"), "200 OK")); // nothing, said at length
  CHECK(has(client.ask("POST", "/v1/resume"), "200 OK"));
  RawSocket packed(tuned.socket);
  packed.send("POST /v1/tune HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(has(packed.receive("}"), "Content-Encoding"));
}

TEST_CASE("oversized, slow and garbled requests are refused; others are served meanwhile") {
  Running tuned(3);
  RawSocket large(tuned.socket), head(tuned.socket), slow(tuned.socket), garbled(tuned.socket),
      drip(tuned.socket);
  CHECK(has(large.ask("POST", "/v1/kernels", std::string(5000, 'x')), "413"));
  head.send("GET /healthz HTTP/1.1\r\nX: " + std::string(20'000, 'y') + "\r\n\r\n");
  CHECK(has(head.receive(), "431"));
  slow.send("POST /v1/kernels HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf");
  drip.send("GET /heal");
  CHECK(tuned.serves());
  CHECK(has(slow.receive(), "408"));
  CHECK(has(drip.receive(), "408"));
  garbled.send("this is no HTTP at all\r\n\r\n");
  CHECK(has(garbled.receive(), "400"));
  CHECK(tuned.serves());
}

TEST_CASE("requests come in pieces, several at once, and with a body that waits to be asked for") {
  Running tuned;
  RawSocket drip(tuned.socket), batch(tuned.socket), polite(tuned.socket), last(tuned.socket);
  for (const char byte : std::string("GET /healthz HTTP/1.1\r\nHost: tuned\r\n\r\n"))
    drip.send({byte});
  CHECK(has(drip.receive("ok\n"), "200 OK"));
  std::string three;
  for (const char* path : {"/healthz", "/v1/nothing", "/v1/jobs"})
    three += std::string("GET ") + path + " HTTP/1.1\r\n\r\n";
  batch.send(three);
  const std::string answers = batch.receive("\"next\":\"\"}");
  CHECK(answers.starts_with("HTTP/1.1 200 OK"));
  CHECK(has(answers, "HTTP/1.1 404"));
  CHECK(answers.ends_with("\r\n\r\n{\"jobs\":[],\"next\":\"\"}"));
  RawSocket greedy(tuned.socket);
  std::string many;
  for (int i = 0; i < 500; ++i)
    many += "GET /healthz HTTP/1.1\r\n\r\n";
  greedy.send(many + "GET /v1/nothing HTTP/1.1\r\n\r\n");
  const std::string all = greedy.receive("}");
  size_t answered = 0;
  for (size_t at = 0; (at = all.find("200 OK", at)) != std::string::npos; ++at)
    ++answered;
  CHECK(answered == 500);
  CHECK(all.find("404 Not Found") > all.rfind("200 OK"));
  polite.send("POST /v1/best HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  CHECK(has(polite.receive("\r\n\r\n"), "100 Continue"));
  polite.send("{");
  CHECK(has(polite.receive("}"), "400 Bad Request"));
  last.send("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string closing = last.receive(); // until the daemon hangs up
  CHECK(has(closing, "Connection: close"));
  CHECK(closing.ends_with("ok\n"));
}

TEST_CASE("clients that hang up, at any point") {
  Running tuned;
  for (int i = 0; i < 50; ++i) {
    RawSocket client(tuned.socket);
    if (i % 3 == 0) client.send("POST /v1/best HTTP/1.1\r\nContent-Le");
    if (i % 3 == 1) client.send("GET /v1/status HTTP/1.1\r\n\r\n");
  }
  CHECK(tuned.serves());
  // The daemon hears of the last hang-ups after it answers: the count comes down to the asker's own.
  std::string metrics;
  for (int i = 0; i < 6000 && !has(metrics, "gpu_tuned_connections_open 1\n"); ++i, ::usleep(10'000))
    metrics = RawSocket(tuned.socket).ask("GET", "/metrics");
  CHECK_MESSAGE(has(metrics, "gpu_tuned_connections_open 1\n"), metrics);
}

TEST_CASE("a second daemon on the same socket or cache is refused, and the first goes on") {
  Running tuned;
  std::string said;
  CHECK(exitOf({"--socket", tuned.socket, "--cache", tuned.folder / "other"}, tuned.folder, &said) == 1);
  CHECK(has(said, "in use by another daemon"));
  CHECK(exitOf({"--socket", tuned.folder / "t.sock", "--cache", tuned.folder / "cache"}, tuned.folder,
               &said) == 1);
  CHECK(has(said, "in use by another daemon"));
  CHECK(tuned.serves());
}

TEST_CASE("SIGTERM ends cleanly; after kill -9 the stale socket is replaced") {
  Scratch folder;
  std::vector<std::string> arguments = {"--socket", folder / "s.sock", "--cache", folder / "cache"};
  {
    DaemonProgram first(arguments, folder / "1");
    REQUIRE(first.logs("serving"));
    RawSocket idle(folder / "s.sock");
    REQUIRE(has(idle.ask("GET", "/healthz"), "200"));
    CHECK(first.end(SIGTERM) == 0);
    CHECK_FALSE(std::filesystem::exists(folder / "s.sock"));
  }
  DaemonProgram second(arguments, folder / "2");
  REQUIRE(second.logs("serving"));
  CHECK(second.end(SIGKILL) == 128 + SIGKILL);
  CHECK(std::filesystem::exists(folder / "s.sock"));
  DaemonProgram third(arguments, folder / "3");
  REQUIRE(third.logs("serving"));
  CHECK(has(RawSocket(folder / "s.sock").ask("GET", "/healthz"), "200"));
}

namespace {
/// The arguments of a daemon whose workers run this line of a shell's first.
std::vector<std::string> withWorkers(const Scratch& folder, const std::string& first) {
  const std::string worker = folder / "worker";
  std::ofstream(worker) << "#!/bin/sh\n" << first << "\nexec " << TUNED_WORKER << " \"$@\"\n";
  ::chmod(worker.c_str(), 0700);
  std::ofstream(folder / "c.json") << R"({"worker": ")" << worker << R"("})";
  return {"--config", folder / "c.json", "--socket", folder / "s.sock",
          "--cache",  folder / "cache",  "--device", "cpu"};
}
} // namespace

TEST_CASE("a daemon whose devices take long to find serves what needs none, and lets the rest wait") {
  Scratch folder;
  const std::string found = folder / "found", socket = folder / "s.sock";
  const auto arguments =
      withWorkers(folder, "while [ \"$1\" = devices ] && [ ! -e " + found + " ]; do sleep 0.02; done");
  {
    DaemonProgram daemon(arguments, folder / "log");
    REQUIRE_MESSAGE(daemon.logs("serving on " + socket), daemon.log());
    RawSocket client(socket), waiting(socket), waking(socket);
    CHECK(has(client.ask("GET", "/healthz"), "200 OK"));
    const std::string ready = client.ask("GET", "/readyz");
    CHECK(has(ready, "503"));
    CHECK(ready.ends_with("\r\n\r\nnot ready: looking for devices\n"));
    CHECK(has(client.ask("GET", "/v1/status"), "\"ready\":false"));
    waiting.send("GET /v1/devices HTTP/1.1\r\n\r\n");
    waking.send("POST /v1/devices/cpu/wake HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    CHECK(waiting.receive("", 200).empty());
    CHECK(waking.receive("", 200).empty());
    std::ofstream(found) << "now";
    CHECK(has(waiting.receive("]}", 60'000), "\"id\":\"cpu\""));
    CHECK(has(waking.receive("]}", 60'000), "\"id\":\"cpu\""));
    CHECK(has(client.ask("GET", "/readyz"), "200 OK"));
    CHECK(daemon.end(SIGTERM) == 0);
  }
  std::filesystem::remove(found);
  DaemonProgram searching(arguments, folder / "2");
  REQUIRE(searching.logs("serving"));
  RawSocket waiting(socket);
  waiting.send("GET /v1/devices HTTP/1.1\r\n\r\n");
  CHECK(searching.end(SIGTERM) == 0); // told to end, it does not wait for them
}

TEST_CASE("what a worker leaves behind ends with it, though it has left its process group and its session") {
  Scratch folder;
  const std::string left = folder / "left", socket = folder / "s.sock";
  DaemonProgram daemon(
      withWorkers(folder, "if [ \"$1\" = devices ]; then setsid sleep 100000 & echo $! > " + left + "; fi"),
      folder / "log");
  REQUIRE_MESSAGE(daemon.logs("serving on " + socket), daemon.log());
  // The devices are there when the worker that looked for them has ended.
  CHECK(has(RawSocket(socket).ask("GET", "/v1/devices"), "\"id\":\"cpu\""));
  const pid_t sleeper = std::atoi(slurp(left).c_str());
  REQUIRE(sleeper > 1);
  bool gone = false;
  for (int i = 0; i < 3000 && !gone; ++i, ::usleep(20'000))
    gone = ::kill(sleeper, 0) != 0;
  CHECK(gone);
  if (!gone) ::kill(sleeper, SIGKILL);
}

TEST_CASE("a cache that cannot be written ends the daemon and says what to do") {
  Scratch folder;
  std::string said;
  CHECK(exitOf({"--socket", folder / "s", "--cache", "/proc/gpu-tuned"}, folder, &said) == 1);
  CHECK_MESSAGE(has(said, "--cache"), said);
  std::filesystem::create_directory(folder / "cache");
  std::filesystem::permissions(folder / "cache", std::filesystem::perms(0555));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0777));
  // Root may write anywhere: then it is tried as nobody.
  DaemonProgram daemon({"--socket", folder / "s", "--cache", folder / "cache"}, folder / "log", nobody());
  CHECK(daemon.wait() == 1);
  CHECK_MESSAGE(has(daemon.log(), "cannot write to the cache folder"), daemon.log());
}

TEST_CASE("a device asked for by name that is not there is exit 78") {
  Scratch folder;
  std::string said;
  CHECK(exitOf({"--socket", folder / "s", "--cache", folder / "cache", "--device", "cuda:77"}, folder,
               &said) == 78);
  CHECK_MESSAGE(has(said, "there is no device 'cuda:77'"), said);
}

TEST_CASE("bad configuration is exit 78 and says which option") {
  Scratch folder;
  std::string said;
  auto withFile = [&](const std::string& text) {
    std::ofstream(folder / "c.json") << text;
    return exitOf({"--config", folder / "c.json", "--cache", folder / "cache", "--socket", folder / "s"},
                  folder, &said);
  };
  CHECK(withFile(R"({"sockets": "x"})") == 78);
  CHECK(has(said, "sockets"));
  CHECK(withFile(R"({"compile_seconds": -1})") == 78);
  CHECK(withFile(R"({"compile_seconds": "long"})") == 78);
  CHECK(withFile(R"({"compile_seconds": true})") == 78);
  CHECK(withFile(R"({"compile_workers": 4294967297})") == 78); // 1, were its upper half lost
  CHECK(withFile(R"({"jobs": 5, "jobs": 6})") == 78);
  CHECK_MESSAGE(has(said, "jobs: given twice"), said);
  CHECK(withFile("nonsense") == 78);
  CHECK(exitOf({"--config", folder / "missing.json"}, folder) == 78);
  CHECK(exitOf({"--no-such-option"}, folder) == 78);
  CHECK(exitOf({"--socket", std::string(200, 's'), "--cache", folder / "cache"}, folder) == 78);
  std::ofstream(folder / "file") << "x";
  CHECK(exitOf({"--socket", folder / "file", "--cache", folder / "cache"}, folder) == 78);
  CHECK(slurp(folder / "file") == "x");
  CHECK(exitOf({"--version"}, folder) == 0);
}

TEST_CASE("the configuration that is shipped is read whole") {
  Scratch folder;
  DaemonProgram daemon(
      {"--config", SHIPPED_CONFIGURATION, "--socket", folder / "s.sock", "--cache", folder / "cache"},
      folder / "log");
  CHECK_MESSAGE(daemon.logs("serving"), daemon.log());
}

TEST_CASE("the daemon holds no LLVM and no CUDA, and is small when idle") {
  Running tuned;
  std::string maps = slurp("/proc/" + std::to_string(tuned.daemon.pid()) + "/maps");
  for (const char* heavy : {"libLLVM", "libMLIR", "libcuda", "libnvJitLink", "libnvrtc"})
    CHECK_FALSE(has(maps, heavy));
  std::string status = slurp("/proc/" + std::to_string(tuned.daemon.pid()) + "/status");
  long kilobytes = std::stol(status.substr(status.find("VmRSS:") + 6));
  MESSAGE("resident: " << kilobytes << " KiB");
#ifndef TUNED_SANITIZED // which keeps memory of its own
  CHECK(kilobytes <= 40 * 1024);
#endif
}
