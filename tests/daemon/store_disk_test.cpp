// The cache where the disk does not do as it should: read-only, full, on a network, not a folder.
#include "base/sha256.h"
#include "daemon/store/store.h"
#include "tests/daemon/in_child.h"
#include "tests/daemon/scratch.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fstream>
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
  ProblemKey problem{"k", "{}", "t"};
  (void)(*store)->putKernel({"k", "k", "{}"});
  (void)(*store)->putTarget({"t", "h", "cpu", "{}"});
  int kept = 0;
  Result<int64_t> trial = 0;
  for (int i = 0; i < 1000 && trial; ++i) {
    trial = (*store)->addTrial(problem, {std::to_string(i), "timed", noise(5000, i), 1.0, "{}"});
    kept += trial.has_value();
  }
  if (trial) return neverFull;
  if (trial.error().kind != ErrorKind::OutOfResources) return wrong(trial.error());
  auto trials = (*store)->trials(problem);
  return trials && trials->size() == static_cast<size_t>(kept) ? fine : lostTrials;
}

} // namespace

TEST_CASE("a full disk is said so, and nothing acknowledged is lost") {
  Scratch folder;
  REQUIRE(inChild([&] { return fillUp(folder.path()); }) == fine);
  // With space again the same file goes on.
  auto store = Store::open(folder.path());
  REQUIRE(store);
  CHECK((*store)->notices().empty());
  auto trials = (*store)->trials({"k", "{}", "t"});
  CHECK(trials->size() > 10);
  CHECK((*store)->addTrial({"k", "{}", "t"}, {"more", "timed", "", 1.0, "{}"}));
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

TEST_CASE("a cache file that cannot be written is said so") {
  Scratch folder;
  REQUIRE(Store::open(folder.path()));
  ::chmod(folder.path().c_str(), 0777);
  ::chmod((folder / "lock").c_str(), 0666);
  ::chmod((folder / "tuned.db").c_str(), 0444);
  int end = inChild([&]() -> int {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return notUsable;
    auto store = Store::open(folder.path());
    if (store) return neverFull;
    return store.error().kind == ErrorKind::Denied ? fine : wrong(store.error());
  });
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
