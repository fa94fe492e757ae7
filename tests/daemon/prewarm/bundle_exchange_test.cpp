// From one cache through a bundle into another: what arrives, what is refused, and what is never replaced.
#include "base/model/build.h"
#include "base/sha256.h"
#include "daemon/bundle/diff.h"
#include "daemon/bundle/exchange.h"
#include "ir/kernel/kernel.h"

#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace tuned;
using namespace tuned::bundle;

namespace {

struct Folder {
  std::filesystem::path path;
  Folder() {
    static int number = 0;
    path = std::filesystem::temp_directory_path() /
           ("tuned-exchange-" + std::to_string(getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

std::unique_ptr<store::Store> open(const std::string& folder) {
  auto store = store::Store::open(folder);
  REQUIRE_MESSAGE(store, store.error().text());
  return std::move(*store);
}

/// A kernel of one size and one parameter.
tuned::Kernel kernel(const std::string& name = "k", const std::string& source = "module {}") {
  nlohmann::json document = {
      {"name", name},
      {"entry", "k"},
      {"source_text", source},
      {"sizes", {"n"}},
      {"parameters", {{"B", {1, 2, 3, 4}}}},
      {"arguments", {{{"name", "x"}, {"type", "*f32"}, {"shape", {"n"}}, {"output", true}}}},
      {"grid", {1}}};
  return *parseKernel(document.dump(), "");
}

std::string putKernel(store::Store& store, const tuned::Kernel& kernel) {
  store::DocumentRecord record;
  record.text = toJson(kernel);
  record.sha = sha256(record.text);
  record.kernel = kernel.id();
  record.name = kernel.name;
  REQUIRE(store.putDocument(record));
  return record.kernel;
}

BuildKey keyOf(const std::string& kernel, int64_t n, int64_t b = 1) {
  return {kernel, "{\"n\":" + std::to_string(n) + "}", "{\"B\":" + std::to_string(b) + "}", "toolchain", "",
          ""};
}

int64_t putBuild(store::Store& store, const BuildKey& key, const std::string& bytes,
                 const std::string& outcome = "built") {
  Build build;
  build.outcome = outcome;
  if (build.built()) build.artefact = sha256(bytes);
  build.format = "cubin";
  build.target = "sm_90a";
  build.launch.symbol = "k";
  auto id = store.putBuild(key, build, build.built() ? bytes : "");
  REQUIRE_MESSAGE(id, id.error().text());
  return *id;
}

void measure(store::Store& store, int64_t build, double seconds) {
  REQUIRE(store.putTarget({"target", "hardware", "cuda:0", R"({"hardware":{"name":"a card"}})", ""}));
  store::MeasurementRecord record;
  record.build.id = build;
  record.target = "target";
  record.measurement.outcome = "timed";
  record.measurement.seconds = seconds;
  record.measurement.verdict.state = "passed";
  REQUIRE(store.addMeasurement(record));
}

/// A cache with three builds of one kernel, one measured, one failed.
std::unique_ptr<store::Store> filled(const std::string& folder, double seconds = 1e-3) {
  auto store = open(folder);
  std::string id = putKernel(*store, kernel());
  measure(*store, putBuild(*store, keyOf(id, 8, 1), "one"), seconds);
  putBuild(*store, keyOf(id, 8, 2), "two");
  putBuild(*store, keyOf(id, 8, 3), "", "compile_failed");
  return store;
}

Reader exported(store::Store& store, const std::string& path, const std::optional<SigningKey>& key = {}) {
  ExportRequest request;
  request.key = key;
  auto made = exportBundle(store, path, request);
  REQUIRE_MESSAGE(made, made.error().text());
  auto reader = Reader::open(path);
  REQUIRE_MESSAGE(reader, reader.error().text());
  return std::move(*reader);
}

SigningKey key(const Folder& folder, const std::string& name = "key") {
  if (!std::filesystem::exists(folder / name)) REQUIRE(newKey(folder / name));
  return *SigningKey::load(folder / name);
}

ImportRequest anyone() {
  ImportRequest request;
  request.allowUntrusted = true;
  return request;
}

bool mentions(const Error& error, const std::string& text) {
  return error.text().find(text) != std::string::npos;
}

constexpr auto anything = [](const store::MeasurementRecord&) { return true; };

} // namespace

TEST_CASE("what one cache exports another has: builds, failures, binaries, documents") {
  Folder folder;
  auto from = filled(folder / "a");
  Reader bundle = exported(*from, folder / "bundle", key(folder));
  CHECK(bundle.builds() == 3);
  CHECK(bundle.measurements() == 1);
  auto to = open(folder / "b");
  ImportRequest request;
  request.trusted = {key(folder).publicKey()};
  auto made = importBundle(*to, bundle, request);
  REQUIRE_MESSAGE(made, made.error().text());
  CHECK(made->builds == 3);
  CHECK(made->kernels == 1);
  CHECK(made->hints == 1);
  auto build = to->build(keyOf(kernel().id(), 8, 2));
  REQUIRE(build);
  CHECK(to->artefact(build->build.artefact)->bytes == "two");
  CHECK(to->build(keyOf(kernel().id(), 8, 3))->build.outcome == "compile_failed");
  CHECK(to->document("k")->kernel == kernel().id());
  // The same bundle again is nothing new; the same contents are the same file.
  CHECK(importBundle(*to, bundle, request)->known);
  REQUIRE(exportBundle(*from, folder / "again", {{}, {}, key(folder)}));
  CHECK(Reader::open(folder / "again")->hash() == bundle.hash());
}

TEST_CASE(
    "a measurement of another card is a hint, unless machines are alike; one of our own is never replaced") {
  Folder folder;
  auto from = filled(folder / "a");
  Reader bundle = exported(*from, folder / "bundle");
  const store::ProblemKey problem{kernel().id(), "{\"n\":8}", "target"};
  auto hinted = open(folder / "hinted");
  REQUIRE(importBundle(*hinted, bundle, anyone()));
  CHECK_FALSE(hinted->choose(problem, anything));
  auto fleet = open(folder / "fleet");
  ImportRequest request = anyone();
  request.trustMeasurements = true;
  CHECK(importBundle(*fleet, bundle, request)->measurements == 1);
  auto chosen = fleet->choose(problem, anything);
  REQUIRE(chosen);
  CHECK(chosen->source.empty()); // a source would keep it from winning
  CHECK(chosen->measurement.seconds == 1e-3);
  auto own = filled(folder / "own", 5e-4);
  auto made = importBundle(*own, bundle, request);
  REQUIRE_MESSAGE(made, made.error().text());
  CHECK(made->local == 1);
  CHECK(own->choose(problem, anything)->measurement.seconds == 5e-4);
}

TEST_CASE("nobody's signature, an unknown signer, an older bundle") {
  Folder folder;
  auto from = filled(folder / "a");
  Reader bare = exported(*from, folder / "bare");
  Reader old = exported(*from, folder / "old", key(folder));
  auto to = open(folder / "b");
  ImportRequest request;
  auto unsignedOne = importBundle(*to, bare, request);
  REQUIRE_FALSE(unsignedOne);
  CHECK(unsignedOne.error().kind == ErrorKind::Denied);
  auto unknown = importBundle(*to, old, request);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().kind == ErrorKind::Denied);
  CHECK(mentions(unknown.error(), "not trusted"));
  CHECK(to->counts()->builds == 0);

  usleep(5000); // serials are milliseconds
  putBuild(*from, keyOf(kernel().id(), 9), "nine");
  Reader fresh = exported(*from, folder / "fresh", key(folder));
  CHECK(fresh.serial() > old.serial());
  request.trusted = {key(folder).publicKey()};
  REQUIRE(importBundle(*to, fresh, request));
  auto replayed = importBundle(*to, old, request);
  REQUIRE_FALSE(replayed);
  CHECK(replayed.error().kind == ErrorKind::Denied);
  CHECK(mentions(replayed.error(), "older"));
  request.allowOlder = true;
  CHECK(importBundle(*to, old, request));
}

TEST_CASE("the same bundle again brings back what is gone, can be trusted with more, and fills nothing") {
  Folder folder;
  auto from = filled(folder / "a");
  Reader bundle = exported(*from, folder / "bundle");
  auto to = open(folder / "b");
  REQUIRE(importBundle(*to, bundle, anyone()));
  CHECK(importBundle(*to, bundle, anyone())->known);
  CHECK(to->counts()->measurements == 1);

  REQUIRE(to->collect(0, 2e9)->artefacts == 2);
  auto again = importBundle(*to, bundle, anyone());
  REQUIRE(again);
  CHECK_FALSE(again->known);
  CHECK(again->builds == 2);
  CHECK(to->artefact(sha256("two"))->bytes == "two");

  const store::ProblemKey problem{kernel().id(), "{\"n\":8}", "target"};
  CHECK_FALSE(to->choose(problem, anything));
  ImportRequest trusting = anyone();
  trusting.trustMeasurements = true;
  CHECK(importBundle(*to, bundle, trusting)->measurements == 1);
  CHECK(to->choose(problem, anything));
  CHECK(importBundle(*to, bundle, trusting)->known);
  CHECK(importBundle(*to, bundle, anyone())->known);
}

TEST_CASE("contents that lie are refused whole, whoever signed them") {
  Folder folder;
  const tuned::Kernel good = kernel();
  const std::string text = toJson(good);
  auto refusal = [&](const std::function<void(Writer&)>& fill) {
    Writer writer;
    fill(writer);
    REQUIRE(writer.write(folder / "bad", 1, key(folder)));
    auto reader = Reader::open(folder / "bad");
    REQUIRE_MESSAGE(reader, reader.error().text());
    auto to = open(folder / "to");
    ImportRequest request;
    request.trusted = {key(folder).publicKey()};
    auto made = importBundle(*to, *reader, request);
    REQUIRE_FALSE(made);
    CHECK(made.error().kind == ErrorKind::InvalidInput);
    CHECK(to->counts()->builds == 0);
    CHECK(to->documents()->empty());
    return made.error().text();
  };
  auto has = [](const std::string& said, const std::string& part) {
    return said.find(part) != std::string::npos;
  };
  auto entry = [&](const BuildKey& key, const std::string& artefact) {
    BuildEntry out;
    out.key = key;
    out.build.artefact = artefact;
    out.build.format = "cubin";
    out.build.launch.symbol = "k";
    return out;
  };
  CHECK(has(refusal([&](Writer& w) {
              w.add(bundle::Kernel{sha256("other"), good.name, text});
            }),
            "not what its id says"));
  CHECK(has(refusal([&](Writer& w) {
              w.add(bundle::Kernel{good.id(), "another", text});
            }),
            "not what its id says"));
  std::string path = text;
  path.replace(path.find("\"k\""), 3, "\"../../etc/k\"");
  CHECK(has(refusal([&](Writer& w) { w.add(bundle::Kernel{good.id(), "../../etc/k", path}); }), "\"name\""));
  // A document that would have its source read from a file of whoever imports.
  nlohmann::json elsewhere = nlohmann::json::parse(text);
  elsewhere.erase("source_text");
  elsewhere["source"] = "/etc/hostname";
  CHECK(has(refusal([&](Writer& w) {
              w.add(bundle::Kernel{good.id(), good.name, elsewhere.dump()});
            }),
            "the bundle's contents are wrong"));
  CHECK(has(refusal([&](Writer& w) { w.add(entry(keyOf(good.id(), 8), sha256("x"))); }), "not in it"));
  CHECK(has(refusal([&](Writer& w) {
              w.add(bundle::Kernel{good.id(), good.name, text});
              w.add(entry(keyOf(good.id(), 8), sha256("x")));
            }),
            "binary is not in it"));
  for (const char* sizes : {"{\"n\":0}", "{\"m\":8}", "{\"n\": 8}", "[]", "../n", "{\"n\":1e999}"})
    CHECK(has(refusal([&](Writer& w) {
                w.add(bundle::Kernel{good.id(), good.name, text});
                BuildKey key = keyOf(good.id(), 8);
                key.sizes = sizes;
                w.add(entry(key, sha256("x")));
                w.addBinary({sha256("x"), "cubin", "sm_90a", 0}, "x");
              }),
              "a build of 'k'"));
  CHECK(has(refusal([&](Writer& w) {
              w.add(bundle::Kernel{good.id(), good.name, text});
              w.add(entry(keyOf(good.id(), 8), sha256("x")));
              w.addBinary({sha256("x"), "cubin", "sm_90a", 0}, "something else");
            }),
            "another SHA-256"));
  // A launch that nothing can be launched with.
  auto launched = [&](const std::function<void(LaunchMetadata&)>& change) {
    return refusal([&](Writer& w) {
      w.add(bundle::Kernel{good.id(), good.name, text});
      BuildEntry bad = entry(keyOf(good.id(), 8), sha256("x"));
      change(bad.build.launch);
      w.add(bad);
      w.addBinary({sha256("x"), "cubin", "sm_90a", 0}, "x");
    });
  };
  CHECK(has(launched([](auto& m) { m.symbol = ""; }), "launch.symbol"));
  CHECK(has(launched([](auto& m) { m.block = {1 << 20, 1, 1}; }), "launch.block"));
  auto mapped = [&](const TensorMapLayout& map) {
    return launched([&](auto& m) { m.parameters = {{ParameterKind::TensorMap, 128, map}}; });
  };
  CHECK(has(mapped({9, 6, 2, {64}}), "launch.parameters[0].map.swizzle: 9"));
  CHECK(has(mapped({0, 6, 2, {0}}), "map.box: 0 elements"));
  CHECK(has(mapped({0, 6, 2, {-64}}), "map.box: -64 elements"));
  CHECK(has(mapped({0, 6, 2, std::vector<int64_t>(100'000, 8)}), "map.box: 100000 dimensions"));
  CHECK(has(mapped({0, 6, 2, {64}}), "parameters[1] is no scalar of 4 bytes"));
}

TEST_CASE("the daemon's end breaks off an export and an import; the same bundle again brings the rest") {
  Folder folder;
  auto from = open(folder / "from");
  const std::string id = putKernel(*from, kernel());
  constexpr int64_t builds = 600; // of which 256 make a slice
  for (int64_t n = 1; n <= builds; ++n)
    putBuild(*from, keyOf(id, n), std::to_string(n));
  const auto after = [](int questions) {
    return [questions, asked = 0]() mutable { return asked++ >= questions; };
  };
  ExportRequest out;
  out.ending = after(builds / 2);
  auto cut = exportBytes(*from, out);
  REQUIRE_FALSE(cut);
  CHECK(cut.error().kind == ErrorKind::Unavailable);
  const Reader whole = exported(*from, folder / "all");

  auto to = open(folder / "to");
  ImportRequest in = anyone();
  in.ending = after(1);
  auto part = importBundle(*to, whole, in);
  REQUIRE_FALSE(part);
  CHECK(part.error().kind == ErrorKind::Unavailable);
  const int64_t came = to->counts()->builds;
  CHECK(came > 0);
  CHECK(came < builds);
  auto rest = importBundle(*to, whole, anyone());
  REQUIRE_MESSAGE(rest, rest.error().text());
  CHECK_FALSE(rest->known);
  CHECK(rest->builds == builds - came);
  CHECK(to->counts()->builds == builds);
}

TEST_CASE("bundles are compared by kernel, sizes, configuration and target") {
  Folder folder;
  auto before = filled(folder / "a");
  auto after = open(folder / "b");
  std::string id = putKernel(*after, kernel("k", "module { }\nmodule {}")); // a changed source
  measure(*after, putBuild(*after, keyOf(id, 8, 1), "one, changed"), 1.5e-3);
  putBuild(*after, keyOf(id, 8, 2), "", "compile_failed");
  putBuild(*after, keyOf(id, 8, 4), "four");
  auto difference = diff(exported(*before, folder / "x"), exported(*after, folder / "y"));
  REQUIRE_MESSAGE(difference, difference.error().text());
  std::map<std::string, int> counted;
  for (const Change& change : difference->changes) {
    ++counted[change.what];
    CHECK(change.target == (change.what == "slower" ? "a card" : "sm_90a"));
  }
  CHECK(counted["other code"] == 1);
  CHECK(counted["fails"] == 1);
  CHECK(counted["gone"] == 1);
  CHECK(counted["new"] == 1);
  CHECK(counted["slower"] == 1);
  CHECK(difference->failing);
  CHECK(difference->worstRatio == doctest::Approx(1.5));
  auto none = diff(exported(*before, folder / "x"), exported(*before, folder / "x"));
  CHECK(none->changes.empty());
  CHECK(none->same == 3);
}

TEST_CASE("an empty cache, or an unknown kernel, has nothing to export") {
  Folder folder;
  auto empty = open(folder / "a");
  CHECK(exportBundle(*empty, folder / "b", {}).error().kind == ErrorKind::NotFound);
  CHECK(exportBundle(*empty, folder / "b", {{"nobody"}, {}, {}}).error().kind == ErrorKind::NotFound);
  auto store = filled(folder / "c");
  CHECK(exportBundle(*store, folder / "nowhere/b", {}).error().kind == ErrorKind::NotFound);
  CHECK(exportBundle(*store, folder / "b", {{}, {"sm_80"}, {}}).error().kind == ErrorKind::NotFound);
}
