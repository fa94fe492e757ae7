// Bundles: equal contents are equal files; what is cut, altered, forged or newer is refused before it is
// believed.
#include "base/sha256.h"
#include "daemon/bundle/file.h"
#include "daemon/bundle/layout.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace tuned;
using namespace tuned::bundle;

namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("tuned-bundle-test-" + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

void spill(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

BuildEntry build(int number) {
  BuildEntry out;
  out.key = {"kernel", "{\"n\":" + std::to_string(number) + "}", "{\"B\":64}", "toolchain", "", ""};
  const std::string bytes = "binary of " + std::to_string(number);
  out.build.artefact = sha256(bytes);
  out.build.format = "cubin";
  out.build.target = "sm_90a";
  out.build.launch.symbol = "k";
  return out;
}

MeasurementEntry measurementOf(const BuildEntry& build) {
  MeasurementEntry out{build.key, "target", "cold", true, 5, {}};
  out.measurement.outcome = "timed";
  out.measurement.seconds = 1e-5;
  return out;
}

Writer sample(bool backwards, int builds = 5) {
  Writer writer;
  writer.add(Target{"target", "hardware", "cuda:0", "{}"});
  for (int i = 0; i < builds; ++i) {
    BuildEntry entry = build(backwards ? builds - 1 - i : i);
    writer.add(measurementOf(entry));
    writer.add(entry);
    const std::string bytes = "binary of " + std::to_string(backwards ? builds - 1 - i : i);
    writer.addBinary({entry.build.artefact, "cubin", "sm_90a", 0}, bytes);
  }
  writer.add(Kernel{"kernel", "k", "{}"});
  return writer;
}

SigningKey key(const Folder& folder, const std::string& name = "key") {
  if (!std::filesystem::exists(folder / name)) REQUIRE(newKey(folder / name));
  auto loaded = SigningKey::load(folder / name);
  REQUIRE_MESSAGE(loaded, loaded.error().text());
  return *loaded;
}

bool mentions(const Error& error, const std::string& text) {
  return error.text().find(text) != std::string::npos;
}

} // namespace

TEST_CASE("equal contents are equal files, whatever the order they came in") {
  Folder folder;
  const SigningKey signer = key(folder);
  REQUIRE(sample(false).write(folder / "a", 7, signer));
  REQUIRE(sample(true).write(folder / "b", 7, signer));
  CHECK(slurp(folder / "a") == slurp(folder / "b"));
  auto read = Reader::open(folder / "a");
  REQUIRE_MESSAGE(read, read.error().text());
  CHECK(read->serial() == 7);
  CHECK(read->signer() == signer.publicKey());
  CHECK(read->kernels() == 1);
  CHECK(read->builds() == 5);
  CHECK(read->measurements() == 5);
  std::vector<BuildEntry> builds;
  int measurements = 0;
  Visitor visitor;
  visitor.build = [&](const BuildEntry& entry) -> Result<void> {
    builds.push_back(entry);
    return {};
  };
  visitor.measurement = [&](const MeasurementEntry& entry) -> Result<void> {
    ++measurements;
    CHECK(entry.finalist);
    CHECK(entry.measurement.seconds == 1e-5);
    return {};
  };
  REQUIRE(read->visit(visitor));
  REQUIRE(builds.size() == 5);
  CHECK(measurements == 5);
  CHECK(*read->binary(build(3).build.artefact) == "binary of 3");
  CHECK(read->binary(sha256("other")).error().kind == ErrorKind::NotFound);
}

TEST_CASE("500 flipped bits, each refused or without effect on what is read") {
  Folder folder;
  const SigningKey signer = key(folder);
  REQUIRE(sample(false).write(folder / "good", 7, signer));
  const std::string good = slurp(folder / "good");
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    std::string bad = good;
    size_t bit = random() % (8 * bad.size());
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    spill(folder / "bad", bad);
    auto read = Reader::open(folder / "bad");
    CHECK_MESSAGE(!read, "bit " << bit);
  }
}

TEST_CASE("the same without a signature: nothing altered is read") {
  Folder folder;
  REQUIRE(sample(false).write(folder / "good", 7, std::nullopt));
  auto read = Reader::open(folder / "good");
  REQUIRE(read);
  CHECK_FALSE(read->signer());
  const std::string good = slurp(folder / "good");
  for (size_t byte = 0; byte < good.size(); ++byte) {
    std::string bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ 4);
    spill(folder / "bad", bad);
    CHECK_MESSAGE(!Reader::open(folder / "bad"), "byte " << byte);
  }
}

TEST_CASE("bundles cut anywhere, lengthened, empty, or no bundles") {
  Folder folder;
  REQUIRE(sample(false).write(folder / "good", 7, key(folder)));
  const std::string good = slurp(folder / "good");
  for (size_t length = 0; length < good.size(); length += 1 + length / 40) {
    spill(folder / "cut", good.substr(0, length));
    CHECK(Reader::open(folder / "cut").error().kind == ErrorKind::InvalidInput);
  }
  spill(folder / "long", good + "x");
  CHECK(mentions(Reader::open(folder / "long").error(), "longer than it says"));
  CHECK(Reader::open(folder / "absent").error().kind == ErrorKind::NotFound);
  CHECK_FALSE(Reader::open(folder.path.string()));
}

TEST_CASE("a newer version says so; one signed by nobody's key is forged") {
  Folder folder;
  REQUIRE(sample(false).write(folder / "good", 7, key(folder)));
  std::string newer = slurp(folder / "good");
  newer[versionAt] = 2;
  spill(folder / "newer", newer);
  CHECK(Reader::open(folder / "newer").error().kind == ErrorKind::Unsupported);
  std::string forged = slurp(folder / "good");
  const PublicKey other = key(folder, "other").publicKey();
  std::copy(other.begin(), other.end(), forged.begin() + keyAt);
  spill(folder / "forged", forged);
  CHECK(mentions(Reader::open(folder / "forged").error(), "signature"));
}

TEST_CASE("keys: never overwritten, never readable by others, never of another kind") {
  Folder folder;
  REQUIRE(newKey(folder / "k"));
  struct stat status {};
  REQUIRE(::stat((folder / "k").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(newKey(folder / "k").error().kind == ErrorKind::Denied);
  CHECK(newKey(folder / "nowhere/k").error().kind == ErrorKind::Denied);
  auto open = loadPublicKey(folder / "k.pub");
  REQUIRE(open);
  CHECK(*open == SigningKey::load(folder / "k")->publicKey());
  CHECK_FALSE(loadPublicKey(folder / "k"));
  CHECK_FALSE(SigningKey::load(folder / "k.pub"));
  ::chmod((folder / "k").c_str(), 0644);
  CHECK(mentions(SigningKey::load(folder / "k").error(), "chmod 600"));
  spill(folder / "noise.pub", "-----BEGIN PUBLIC KEY-----\nnothing\n");
  CHECK(loadTrusted({folder.path.string()}).error().kind == ErrorKind::InvalidInput);
  std::filesystem::remove(folder / "noise.pub");
  CHECK(loadTrusted({folder.path.string()})->size() == 1);
  CHECK(loadTrusted({folder / "absent.pub"}).error().kind == ErrorKind::NotFound);
}

TEST_CASE("an index that lies is refused with its line, even when its signer is right") {
  Folder folder;
  Writer writer = sample(false);
  BuildEntry broken = build(1);
  broken.build.outcome = std::string("bu\xff") + "ilt"; // no UTF-8: replaced, never a crash
  writer.add(broken);
  REQUIRE(writer.write(folder / "b", 1, std::nullopt));
  CHECK(Reader::open(folder / "b"));
  // A binary that the index says is larger than the file.
  Writer large;
  large.addBinary({sha256("x"), "cubin", "sm_90a", 0}, "x");
  large.addBinary({"../../etc/passwd", "cubin", "sm_90a", 0}, "y");
  REQUIRE(large.write(folder / "c", 1, std::nullopt));
  auto read = Reader::open(folder / "c");
  REQUIRE_FALSE(read);
  CHECK(mentions(read.error(), "of its index"));
}

TEST_CASE("a million entries") {
  Folder folder;
  Writer writer;
  constexpr int many = 1'000'000;
  for (int i = 0; i < many; ++i)
    writer.add(Kernel{std::to_string(i), "k", "{}"});
  REQUIRE(writer.write(folder / "many", 1, std::nullopt));
  auto read = Reader::open(folder / "many");
  REQUIRE_MESSAGE(read, read.error().text());
  CHECK(read->kernels() == many);
  // They unpack to far more than they are stored as: whoever has little memory says so before that.
  auto little = Reader::parse(slurp(folder / "many"), 1 << 20);
  REQUIRE_FALSE(little);
  CHECK(little.error().kind == ErrorKind::OutOfResources);
}

TEST_CASE("a bundle that another signs is the same bundle, and anybody's word no more") {
  Folder folder;
  REQUIRE(sample(false).write(folder / "bare", 7, std::nullopt));
  auto made = signedBy(slurp(folder / "bare"), key(folder));
  REQUIRE(made);
  auto read = Reader::parse(*made);
  REQUIRE_MESSAGE(read, read.error().text());
  CHECK(read->signer() == key(folder).publicKey());
  CHECK(read->hash() == Reader::open(folder / "bare")->hash());
  REQUIRE(sample(false).write(folder / "signed", 7, key(folder)));
  CHECK(*made == slurp(folder / "signed"));
  auto again = signedBy(std::move(*made), key(folder, "other"));
  REQUIRE(again);
  CHECK(Reader::parse(*again)->signer() == key(folder, "other").publicKey());
}

TEST_CASE("a hundred thousand entries") {
  Folder folder;
  Writer writer;
  writer.add(Kernel{"kernel", "k", "{}"});
  for (int i = 0; i < 100000; ++i)
    writer.add(build(i));
  REQUIRE(writer.write(folder / "many", 1, std::nullopt));
  auto read = Reader::open(folder / "many");
  REQUIRE_MESSAGE(read, read.error().text());
  CHECK(read->builds() == 100000);
}
