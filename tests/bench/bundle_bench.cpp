// bundle_bench [BUILDS]: fills a cache with builds (10,000 of 16 KiB each when left out), exports them,
// imports them into an empty cache, and prints what each took. Folders are made beside each other in TMPDIR
// and removed.
#include "base/sha256.h"
#include "daemon/bundle/exchange.h"
#include "ir/kernel.h"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <unistd.h>

using namespace tuned;

namespace {

template <typename T> T need(Result<T> result) {
  if (result) return std::move(*result);
  std::cerr << result.error().text() << "\n";
  std::exit(1);
}
void need(const Result<void>& result) {
  if (result) return;
  std::cerr << result.error().text() << "\n";
  std::exit(1);
}

template <typename Work> void timed(const char* what, Work&& work) {
  auto start = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  work();
  std::printf("%-8s %6.2f s, processor %6.2f s\n", what,
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
              static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC);
}

Kernel kernel() {
  nlohmann::json document = {
      {"name", "k"},
      {"entry", "k"},
      {"source_text", "module {}"},
      {"sizes", {"n"}},
      {"parameters", {{"B", {1}}}},
      {"arguments", {{{"name", "x"}, {"type", "*f32"}, {"shape", {"n"}}, {"output", true}}}},
      {"grid", {1}}};
  return need(parseKernel(document.dump(), ""));
}

/// Half of it repeats, as binaries do.
std::string binary(std::mt19937& random) {
  std::string out(16 << 10, '\0');
  for (size_t i = 0; i < out.size(); i += 2)
    out[i] = static_cast<char>(random());
  return out;
}

void fill(store::Store& store, int builds) {
  const Kernel k = kernel();
  store::DocumentRecord record;
  record.text = toJson(k);
  record.sha = sha256(record.text);
  record.kernel = k.id();
  record.name = k.name;
  need(store.putDocument(record));
  std::mt19937 random(1);
  need(store.batch([&]() -> Result<void> {
    for (int i = 0; i < builds; ++i) {
      const std::string bytes = binary(random);
      Build build;
      build.artefact = sha256(bytes);
      build.format = "cubin";
      build.target = "sm_90a";
      build.launch.symbol = "k";
      BuildKey key{record.kernel, "{\"n\":" + std::to_string(i + 1) + "}", "{\"B\":1}", "toolchain", "", ""};
      if (auto id = store.putBuild(key, build, bytes); !id) return fail(id.error());
    }
    return {};
  }));
}

} // namespace

int main(int argc, char** argv) {
  const int builds = argc > 1 ? std::atoi(argv[1]) : 10000;
  const auto folder = std::filesystem::temp_directory_path() / ("bundle-bench-" + std::to_string(getpid()));
  const std::string file = (folder / "bundle").string();
  std::filesystem::create_directories(folder);
  {
    auto from = need(store::Store::open((folder / "from").string()));
    timed("fill", [&] { fill(*from, builds); });
    timed("export", [&] { (void)need(bundle::exportBundle(*from, file, {})); });
  }
  {
    auto to = need(store::Store::open((folder / "to").string()));
    bundle::ImportRequest request;
    request.allowUntrusted = true;
    timed("import", [&] {
      auto reader = need(bundle::Reader::open(file));
      auto report = need(bundle::importBundle(*to, reader, request));
      if (report.builds != builds) std::exit(1);
    });
  }
  std::printf("%d builds, bundle %ju bytes\n", builds,
              static_cast<uintmax_t>(std::filesystem::file_size(file)));
  std::filesystem::remove_all(folder);
}
