// What the client makes of a daemon that is away, silent, broken or lying.
#include "base/clock.h"
#include "base/sha256.h"
#include "client/client.h"
#include "client/endpoint.h"
#include "client/notice.h"
#include "client/protocol.h"
#include "client/protocol/speaker.h"
#include "peer.h"

#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace tuned;
using client::Client;

namespace {
/// Answers the question after life that connect() asks, and everything else by `answer`.
Peer::Answer alive(std::function<std::string(const std::string&)> answer) {
  return [answer](int, const std::string& request) {
    return request.starts_with("GET /healthz") ? Peer::http(200, "ok") : answer(request);
  };
}
} // namespace

TEST_CASE("no daemon is Unavailable and says what to do") {
  const auto client = Client::connect({"/nonexistent/tuned.sock", 1});
  REQUIRE_FALSE(client);
  CHECK(client.error().kind == ErrorKind::Unavailable);
  CHECK(client.error().remedy.find("tunectl serve") != std::string::npos);
}

TEST_CASE("a path too long for a socket is refused") {
  const auto client = Client::connect({"/tmp/" + std::string(200, 'x'), 1});
  REQUIRE_FALSE(client);
  CHECK(client.error().kind == ErrorKind::InvalidInput);
}

TEST_CASE("a silent daemon is a time-out") {
  Peer peer([](int, const std::string&) { return std::string(); });
  REQUIRE(peer.ready());
  const auto start = std::chrono::steady_clock::now();
  auto client = Client::connect({peer.path(), 0.2});
  REQUIRE(client); // it listens; nothing was asked yet
  CHECK(client->status().error().kind == ErrorKind::TimedOut);
  CHECK(secondsSince(start) < 10);
}

TEST_CASE("who waits is asked whether he still does, and waits no longer where he does not") {
  Peer peer(alive([](const std::string&) { return std::string(); }));
  REQUIRE(peer.ready());
  auto client = Client::connect({peer.path(), 3600});
  REQUIRE(client);
  int asked = 0;
  client::onWait([&asked] { return ++asked < 3; });
  const auto status = client->status();
  const auto watched = client->watch("1");
  client::onWait({});
  CHECK(status.error().kind == ErrorKind::TimedOut);
  CHECK(watched.error().kind == ErrorKind::TimedOut);
  CHECK(asked > 3);
  CHECK(asked < 8);
}

TEST_CASE("an answer that breaks off or is no HTTP is an error") {
  Peer cut(alive([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Le"); }));
  auto client = Client::connect({cut.path(), 1.5});
  REQUIRE(client);
  CHECK(client->status().error().kind == ErrorKind::TimedOut);

  Peer closing(alive([](const std::string&) { return std::string("close"); }));
  client = Client::connect({closing.path(), 30});
  REQUIRE(client);
  CHECK(client->status().error().kind == ErrorKind::Unavailable);

  Peer noise(alive([](const std::string&) { return std::string("what?\r\n\r\n"); }));
  client = Client::connect({noise.path(), 30});
  REQUIRE(client);
  CHECK(client->status().error().kind == ErrorKind::Unavailable);

  Peer wrong(alive([](const std::string&) { return Peer::http(200, "{}"); }));
  client = Client::connect({wrong.path(), 30});
  REQUIRE(client);
  const auto status = client->status();
  CHECK(status.error().kind == ErrorKind::Unsupported);
  CHECK(status.error().message.find("version: missing") != std::string::npos);
  CHECK(status.error().text().find("upgrade the older") != std::string::npos);
}

TEST_CASE("what listens in the daemon's place is told from it: what it said, where, and what to do") {
  std::string server;
  const auto other = [&](int status, const std::string& body, const std::string& type) {
    std::string answer = Peer::http(status, body, type);
    return server.empty() ? answer : answer.insert(answer.find("Content-Type"), "Server: " + server + "\r\n");
  };
  std::string answer;
  Peer peer([&](int, const std::string&) { return answer; });
  auto client = Client::connect({peer.path(), 30});
  REQUIRE(client);
  const auto says = [&](const std::string& words) {
    for (const auto& result : {client->status().error(), client->watch("1").error()}) {
      CHECK(result.kind == ErrorKind::Unavailable);
      CHECK_MESSAGE(result.message.find(peer.path()) != std::string::npos, result.message);
      CHECK_MESSAGE(result.message.find(words) != std::string::npos, result.message);
      CHECK_MESSAGE(result.remedy.find("ss -xlp src " + peer.path()) != std::string::npos, result.remedy);
    }
  };
  answer = "SSH-2.0-OpenSSH_9.2\r\n\x01\x02 and more of that kind for long";
  says("something else than the daemon listens at");
  says("it said \"SSH-2.0-OpenSSH_9.2.... and more of that…\", which is no HTTP");
  answer = std::string(100'000, 'x'); // never a line's end
  says("it said \"xxx");
  server = "Docker/24.0";
  answer = other(200, "{}", "application/json");
  says("it calls itself \"Docker/24.0\"");
  answer = other(404, "page not found", "text/plain");
  says("it calls itself \"Docker/24.0\"");
  server = "";
  answer = other(404, "page not found", "text/plain");
  says("it answered 404 \"page not found\"");
  answer = "close";
  says("closed the connection before it had answered");
}

TEST_CASE("what says nothing is told with its place, and what to look at") {
  Peer silent([](int, const std::string&) { return std::string(); });
  auto client = Client::connect({silent.path(), 0.2});
  REQUIRE(client);
  const auto status = client->status();
  CHECK(status.error().kind == ErrorKind::TimedOut);
  CHECK(status.error().message.find(silent.path()) != std::string::npos);
  CHECK(status.error().remedy.find("see what listens there") != std::string::npos);
}

TEST_CASE("a problem of the daemon comes out as its error") {
  const Error sent{ErrorKind::InvalidInput, "no such size", Location{"k.json", 2, 3}, "look"};
  Peer peer(alive([&](const std::string&) { return Peer::http(400, protocol::problemText(sent)); }));
  auto client = Client::connect({peer.path(), 30});
  REQUIRE(client);
  const auto answer = client->best("k", {{"n", 1}});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().text() == sent.text());
}

TEST_CASE("where daemon and client are of different versions, what may come of that is said") {
  const Error sent{ErrorKind::InvalidInput, "objective: unknown key", std::nullopt, "look"};
  std::string server = protocol::speaker(), body = protocol::problemText(sent);
  int code = 400;
  Peer peer(alive([&](const std::string&) {
    std::string answer = Peer::http(code, body);
    return answer.insert(answer.find("Content-Type"), "Server: " + server + "\r\n");
  }));
  auto client = Client::connect({peer.path(), 30});
  REQUIRE(client);
  const auto said = [&] { return client->best("k", {{"n", 1}}).error().text(); };
  CHECK(said() == sent.text());
  for (const char* other : {"gpu-tuned", "gpu-tuned/0.9.0 (messages 00000000)"}) {
    server = other;
    CAPTURE(said());
    CHECK(said().find("unknown key") != std::string::npos);
    CHECK(said().find("look; or else daemon and client are of different versions: the daemon is " + server +
                      ", this client " + protocol::speaker()) != std::string::npos);
    CHECK(said().find("upgrade the older") != std::string::npos);
  }
  code = 404;
  body = protocol::problemText({ErrorKind::NotFound, "no such route", std::nullopt, {}});
  CHECK(said().find("different versions") != std::string::npos);
  code = 503; // says nothing of versions
  body = protocol::problemText({ErrorKind::Unavailable, "not ready", std::nullopt, {}});
  CHECK(said().find("different versions") == std::string::npos);
  code = 200;
  body = "{}";
  CHECK(said().find("the daemon is gpu-tuned/0.9.0") != std::string::npos);
}

TEST_CASE("a tuning for energy that is followed does not answer who asks for the fastest") {
  protocol::Answer fastest;
  fastest.source = "cache";
  fastest.kernel = "id";
  fastest.device = "cpu";
  fastest.sizes = {{"n", 1}};
  fastest.artefact = "of the fastest";
  protocol::JobStatus job;
  job.id = "job";
  job.state = "done";
  job.answer = fastest;
  job.answer->artefact = "another";
  const auto served = [&](const std::string& request) {
    std::string answer =
        Peer::http(200, "event: done\ndata: " + protocol::toText(protocol::Event{"done", job, {}}) + "\n\n",
                   "text/event-stream");
    if (request.starts_with("POST /v1/best")) answer = Peer::http(200, protocol::toText(fastest));
    if (request.starts_with("POST /v1/tune")) answer = Peer::http(200, protocol::toText(job));
    return answer.insert(answer.find("Content-Type"),
                         "Connection: close\r\n"); // the peer serves one at a time
  };
  const auto afterTuning = [&] {
    Peer peer(alive(served));
    auto client = Client::connect({peer.path(), 30});
    REQUIRE(client);
    REQUIRE(client->best("id", {{"n", 1}}, "cpu"));
    REQUIRE(client->tune({}));
    return (*client->best("id", {{"n", 1}}, "cpu"))->artefact;
  };
  CHECK(afterTuning() == "another");
  job.answer->joules = 0.5;
  CHECK(afterTuning() == "of the fastest");
}

TEST_CASE("who has to give a place up while it follows or waits for a job comes again and gets its end") {
  protocol::JobStatus job;
  job.id = "job";
  job.state = "running";
  const auto event = [&](const char* name, int id) {
    return toServerSentEvent(protocol::Event{name, job, {}}, static_cast<uint64_t>(id));
  };
  const std::string full = "HTTP/1.1 503 X\r\nServer: gpu-tuned/1\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
                           "Connection: close\r\n\r\n";
  const auto stream = [](const std::string& text) {
    std::string out = Peer::http(200, text, "text/event-stream");
    return out.insert(out.find("Content-Type"), "Connection: close\r\n"); // the peer serves one at a time
  };
  std::vector<std::string> said = {stream(event("status", 0) + "retry: 20\n\n"),
                                   full,
                                   stream("retry: 20\n\n"),
                                   stream("retry: 20\n\n"),
                                   stream("retry: 20\n\n"),
                                   stream("retry: 20\n\n")};
  job.state = "done";
  said.push_back(stream(event("done", 1)));
  size_t streams = 0;
  Peer peer([&](int, const std::string&) { return said[std::min(streams++, said.size() - 1)]; });
  std::vector<std::string> told;
  {
    auto client = Client::connect({peer.path(), 30});
    REQUIRE(client);
    REQUIRE(client->status().error().kind != ErrorKind::Denied); // takes the connection that is open already
    streams = 0;
    const auto followed = client->watch("job", [&](const protocol::Event& each) {
      told.push_back(each.name);
      return true;
    });
    REQUIRE_MESSAGE(followed, followed.error().text());
    CHECK(followed->state == "done");
  }
  CHECK(told == std::vector<std::string>{"status", "done"});
  CHECK(streams == said.size());

  protocol::Answer answer;
  answer.kernel = "id";
  answer.source = "default";
  std::string early = Peer::http(200, protocol::toText(answer));
  early.insert(early.find("Content-Type"), "Retry-After: 1\r\nConnection: close\r\n");
  answer.source = "cache";
  const std::string whole = Peer::http(200, protocol::toText(answer));
  int asked = 0;
  Peer waited([&](int, const std::string&) { return ++asked == 1 ? early : whole; });
  auto client = Client::connect({waited.path(), 30});
  REQUIRE(client);
  protocol::BestRequest request;
  request.kernel = "id";
  request.wait = 60;
  CHECK(client->ask(request)->source == "cache");
  CHECK(asked == 2);
  asked = 0;
  request.wait = 0; // who does not wait takes what there is
  CHECK(client->ask(request)->source == "default");
  CHECK(asked == 1);
}

TEST_CASE("a damaged artefact is refused") {
  Peer peer(alive([](const std::string&) { return Peer::http(200, "bytes", "application/octet-stream"); }));
  auto client = Client::connect({peer.path(), 30});
  REQUIRE(client);
  CHECK(*client->artefact(sha256("bytes")) == "bytes");
  const auto damaged = client->artefact(sha256("other bytes"));
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().message.find("damaged") != std::string::npos);
}

TEST_CASE("a connection that the daemon closed meanwhile is opened again") {
  Peer peer([](int connection, const std::string& request) {
    if (request.starts_with("GET /healthz")) return Peer::http(200, "ok");
    return connection == 1 ? std::string("close") : Peer::http(200, R"({"kernels":[]})");
  });
  auto client = Client::connect({peer.path(), 30});
  REQUIRE(client);
  CHECK(client->kernels());
  CHECK(peer.connections() == 2);
}

TEST_CASE("lists come whole, however many pages they are, and of trials as many as were asked for") {
  std::vector<std::string> asked;
  Peer peer(alive([&](const std::string& request) {
    const std::string target = request.substr(4, request.find(' ', 4) - 4);
    asked.push_back(target);
    const bool second = target.find("after=two%2Fb") != std::string::npos;
    if (target.starts_with("/v1/kernels")) {
      protocol::KernelList list;
      for (const char* name : {second ? "c" : "a", second ? "d" : "b"})
        list.kernels.emplace_back().name = name;
      list.next = second ? "" : "two/b";
      return Peer::http(200, protocol::toText(list));
    }
    if (target.starts_with("/v1/winners")) return Peer::http(200, R"({"winners":[],"next":"again"})");
    protocol::TrialList list;
    list.trials.resize(second ? 1 : 2);
    list.next = second ? "three" : "two/b";
    return Peer::http(200, protocol::toText(list));
  }));
  auto client = Client::connect({peer.path(), 30});
  REQUIRE(client);
  const auto kernels = client->kernels();
  REQUIRE_MESSAGE(kernels, kernels.error().text());
  REQUIRE(kernels->kernels.size() == 4);
  CHECK(kernels->kernels[2].name == "c");
  CHECK(kernels->next.empty());

  asked.clear();
  const auto trials = client->trials("k", "", "", 3);
  REQUIRE_MESSAGE(trials, trials.error().text());
  CHECK(trials->trials.size() == 3);
  CHECK(trials->next == "three"); // there are more
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].find("limit=3") != std::string::npos);
  CHECK(asked[1].find("limit=1") != std::string::npos);
  CHECK(asked[1].find("kernel=k") != std::string::npos);

  // A daemon that never comes to an end is no reason to hang.
  CHECK(client->winners().error().kind == ErrorKind::Internal);
}

TEST_CASE("kernel documents are read with their source") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("tuned-client-test-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(folder / name) << text; };
  write("k.ttir", "module {}");
  write("k.json", "{\"name\": \"k\", // a comment\n \"source\": \"k.ttir\"}");
  write("lost.json", R"({"name": "k", "source": "lost.ttir"})");
  write("broken.json", "{");
  write("bare.json", R"({"name": "k"})");
  const auto load = [&](const char* name) { return client::loadDocument((folder / name).string()); };
  const auto document = load("k.json");
  REQUIRE(document);
  const auto json = nlohmann::json::parse(*document);
  CHECK(json["source_text"] == "module {}");
  CHECK_FALSE(json.contains("source"));
  CHECK(load("lost.json").error().kind == ErrorKind::NotFound);
  CHECK(load("broken.json").error().message.find("malformed JSON") != std::string::npos);
  CHECK(load("bare.json").error().message.find("\"source\" is missing") != std::string::npos);
  write("listed.json",
        R"({"name": "k", "sources": [{"configuration": {"B": 1}, "source_text": "module {}"}]})");
  const auto listed = load("listed.json");
  REQUIRE(listed);
  CHECK(nlohmann::json::parse(*listed)["sources"][0]["source_text"] == "module {}");
  CHECK(load("absent.json").error().kind == ErrorKind::NotFound);
  setenv("GPU_TUNED_KERNELS", folder.c_str(), 1);
  CHECK(client::loadDocument("k"));
  CHECK(client::loadDocument("m").error().message.find(folder.string()) != std::string::npos);
  unsetenv("GPU_TUNED_KERNELS");
  std::filesystem::remove_all(folder);
}

TEST_CASE("the socket is looked for in order") {
  setenv("GPU_TUNED_SOCKET", "/a/b", 1);
  CHECK(client::socketPath("/given") == "/given");
  CHECK(client::socketPath() == "/a/b");
  unsetenv("GPU_TUNED_SOCKET");
  setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
  CHECK(client::socketPath() == "/run/gpu-tuned/tuned.sock");
  unsetenv("XDG_RUNTIME_DIR");
}
