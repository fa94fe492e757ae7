// The cache where the disk does not do as it should: read-only, full, on a network, not a folder.
#include "tests/daemon/in_child.h"
#include "tests/daemon/store/store_support.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>
#include <iostream>
#include <random>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace tuned;
using namespace tuned::store;
using namespace tuned::test;

namespace {

constexpr rlim_t diskBytes = 600'000;
enum ChildEnd { fine = 0, notOpened = 10, neverFull, wrongKind, lostTrials, notUsable };

int wrong(const Error& error) {
  std::cerr << error.text() << "\n";
  return wrongKind;
}

std::string noise(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(size, '\0');
  for (char& byte : out)
    byte = static_cast<char>(random());
  return out;
}

/// Fills the cache until a write fails, then looks whether all that was acknowledged is there.
int fillUp(const std::string& folder) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{diskBytes, diskBytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  auto store = Store::open(folder);
  if (!store) return notOpened;
  if (!(*store)->putTarget({"target-1", "hardware-1", "cuda:0", "{}", ""})) return notOpened;
  int64_t kept = 0;
  Result<int64_t> build = 0;
  for (int i = 0; i < 1000 && build; ++i) {
    Build failure;
    failure.outcome = "compile_failed";
    failure.reason = noise(5000, i);
    build = (*store)->putBuild(buildKey(i), failure);
    kept += build.has_value();
  }
  if (build) return neverFull;
  if (build.error().kind != ErrorKind::OutOfResources) return wrong(build.error());
  auto counts = (*store)->counts();
  return counts && counts->builds == kept ? fine : lostTrials;
}

} // namespace

TEST_CASE("a full disk is said so, and nothing acknowledged is lost") {
  Scratch folder;
  REQUIRE(inChild([&] { return fillUp(folder.path()); }) == fine);
  // With space again the same file goes on.
  auto store = Store::open(folder.path());
  REQUIRE(store);
  CHECK((*store)->notices().empty());
  CHECK((*store)->counts()->builds > 10);
  CHECK((*store)->putBuild(buildKey(5000), buildOf("more"), "more"));
}

TEST_CASE("on a full disk what is known is answered after a restart, too") {
  Scratch folder;
  filled(folder.path());
  const int end = inChild([&]() -> int {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1, 1};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto store = Store::open(folder.path());
    if (!store) return wrong(store.error());
    // The same document again is not written again.
    if (auto known = (*store)->putDocument(document("kernel-1", "softmax")); !known)
      return wrong(known.error());
    auto winner = (*store)->choose(problem, {});
    if (!winner) return wrong(winner.error());
    if (auto binary = (*store)->artefact(winner->build.build.artefact); !binary) return wrong(binary.error());
    auto full = (*store)->putBuild(buildKey(7), buildOf("more"), "more");
    return full ? neverFull : full.error().kind == ErrorKind::OutOfResources ? fine : wrong(full.error());
  });
  CHECK(end == fine);
}

namespace {
/// What is known of a cache of which a measurement, a build and a binary are damaged; `said`: what of each.
int passesOver(const std::string& folder, const char* said) {
  auto store = Store::open(folder);
  if (!store) return wrong(store.error());
  for (int asked = 0; asked < 2; ++asked) {
    const auto winner = (*store)->choose(problem, {});
    if (!winner) return wrong(winner.error());
    if (winner->measurement.configuration.at("B") != 2) return lostTrials;
    for (const Error& error :
         {(*store)->build(buildKey(1)).error(), (*store)->artefact(sha256(std::string(5000, 'y'))).error()})
      if (error.kind != ErrorKind::NotFound) return wrong(error);
  }
  const auto notices = (*store)->notices();
  for (const std::string& notice : notices)
    if (notice.find(said) == std::string::npos) return wrong({ErrorKind::Internal, notice, {}, {}});
  return notices.size() == 3 ? fine : notUsable; // each once
}
} // namespace

TEST_CASE("what is damaged is passed over while the disk is full, and dropped when it is not") {
  Scratch folder;
  filled(folder.path());
  tamper(folder.path(), "UPDATE measurements SET seconds = seconds / 2 WHERE seconds = "
                        "(SELECT min(seconds) FROM measurements)");
  tamper(folder.path(), "UPDATE builds SET body = replace(body, 'no registers', 'no')");
  tamper(folder.path(), "UPDATE artefacts SET compressed = x'00' WHERE sha = "
                        "(SELECT artefact FROM builds WHERE configuration = '{\"B\":4}')");
  CHECK(inChild([&]() -> int {
          std::signal(SIGXFSZ, SIG_IGN);
          rlimit limit{1, 1};
          ::setrlimit(RLIMIT_FSIZE, &limit);
          return passesOver(folder.path(), "cannot be written");
        }) == fine);
  CHECK(passesOver(folder.path(), "was dropped") == fine);
  CHECK(openAt(folder.path())->counts()->measurements == 1); // that of the build went with it
}

TEST_CASE("failures of the disk are told apart") {
  const std::string path = "/nonexistent/tuned.db";
  constexpr int full = 13, inputOutput = 10, cannotOpen = 14, writeFailed = 10 | (3 << 8);
  CHECK(meaning(full, 0, path, "x").kind == ErrorKind::OutOfResources);
  CHECK(meaning(writeFailed, ENOSPC, path, "x").kind == ErrorKind::OutOfResources);
  CHECK(meaning(writeFailed, EDQUOT, path, "x").kind == ErrorKind::OutOfResources);
  const Error broken = meaning(writeFailed, EIO, path, "x");
  CHECK(broken.kind == ErrorKind::Internal);
  CHECK(broken.message.find("the disk failed: Input/output error") != std::string::npos);
  CHECK(meaning(inputOutput, 0, path, "x").kind == ErrorKind::Internal);
  // No room for another file is no question of rights.
  const Error inodes = meaning(cannotOpen, ENOSPC, path, "x");
  CHECK(inodes.kind == ErrorKind::OutOfResources);
  CHECK(inodes.remedy.find("inodes") != std::string::npos);
  CHECK(meaning(cannotOpen, EACCES, path, "x").kind == ErrorKind::Denied);
}

TEST_CASE("a cache that was removed or replaced under the daemon takes nothing more, and says so") {
  Scratch folder;
  auto store = filled(folder.path());
  CHECK_FALSE(store->displaced());
  std::filesystem::remove(folder / "tuned.db");
  REQUIRE(store->displaced());
  CHECK(store->displaced()->find("removed") != std::string::npos);
  CHECK(store->choose(problem, {})); // what is known is still answered
  auto refused = store->putBuild(buildKey(9), buildOf("more"), "more");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Unavailable);
  std::ofstream(folder / "tuned.db") << "another";
  CHECK(store->displaced()->find("replaced") != std::string::npos);
}

TEST_CASE("who asks whether the cache was displaced waits for no call of it") {
  Scratch folder;
  auto store = filled(folder.path());
  std::optional<std::string> said;
  std::future<void> asking;
  bool there = false;
  CHECK(store->batch([&]() -> Result<void> { // holds the store's lock
    std::filesystem::remove(folder / "tuned.db");
    asking = std::async(std::launch::async, [&] { said = store->displaced(); });
    there = asking.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    return {};
  }));
  REQUIRE(there);
  CHECK(said);
}

TEST_CASE("a cache that may not be written is served read-only") {
  for (const bool folderToo : {true, false}) {
    CAPTURE(folderToo);
    Scratch folder;
    filled(folder.path())->checkpoint();
    ::chmod(folder.path().c_str(), folderToo ? 0555 : 0777);
    ::chmod((folder / "lock").c_str(), 0666);
    ::chmod((folder / "tuned.db").c_str(), 0444);
    const int end = inChild([&]() -> int {
      if (::geteuid() == 0 && ::setuid(65534) != 0) return notUsable;
      auto store = Store::open(folder.path());
      if (!store) return wrong(store.error());
      if (!(*store)->readOnly() || (*store)->notices().empty()) return neverFull;
      auto winner = (*store)->choose(problem, {});
      if (!winner) return wrong(winner.error());
      if (auto binary = (*store)->artefact(winner->build.build.artefact); !binary)
        return wrong(binary.error());
      auto refused = (*store)->putBuild(buildKey(9), buildOf("more"), "more");
      return refused ? neverFull : refused.error().kind == ErrorKind::Denied ? fine : wrong(refused.error());
    });
    ::chmod(folder.path().c_str(), 0755);
    CHECK(end == fine);
  }
}

TEST_CASE("a folder that cannot be written is said so") {
  Scratch folder;
  ::chmod(folder.path().c_str(), 0555);
  int end = inChild([&]() -> int {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return notUsable;
    auto store = Store::open(folder.path());
    if (store) return neverFull;
    return store.error().kind == ErrorKind::Denied && !store.error().remedy.empty() ? fine
                                                                                    : wrong(store.error());
  });
  ::chmod(folder.path().c_str(), 0755);
  CHECK(end == fine);
}

TEST_CASE("a path that is no folder is said so") {
  Scratch folder;
  std::ofstream(folder / "file") << "x";
  CHECK(Store::open(folder / "file").error().kind != ErrorKind::Internal);
  CHECK(Store::open(folder / "new/deep").has_value());
}

TEST_CASE("network file systems are known by their number") {
  CHECK(std::string(networkFileSystem(0x6969)) == "NFS");
  CHECK(std::string(networkFileSystem(static_cast<long>(0xff534d42))) == "CIFS");
  CHECK(std::string(networkFileSystem(0x0bd00bd0)) == "Lustre");
  CHECK(networkFileSystem(0xef53) == nullptr);     // ext4
  CHECK(networkFileSystem(0x01021994) == nullptr); // tmpfs
}
