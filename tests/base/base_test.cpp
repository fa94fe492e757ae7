#include "base/error.h"
#include "base/json_limits.h"
#include "base/model/architecture.h"
#include "base/private_files.h"
#include "base/sha256.h"
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace tuned;

TEST_CASE("sha256 of the empty string and of abc are those of FIPS 180-4") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("an error prints its place, its message and its remedy") {
  Error error{ErrorKind::InvalidInput, "no such op", Location{"k.ttir", 3, 7}, "see the list of ops"};
  CHECK(error.text() == "k.ttir:3:7: no such op (see the list of ops)");
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::Internal); ++kind)
    CHECK(errorKindFromName(name(static_cast<ErrorKind>(kind))) == static_cast<ErrorKind>(kind));
}

TEST_CASE("JSON texts that nest or hold too much are told before they are parsed") {
  const JsonLimits limits{3, 10};
  auto good = [&](const std::string& text) { return checkJsonLimits(text, limits).has_value(); };
  CHECK(good(R"({"a":[[1]]})"));
  CHECK_FALSE(good(R"({"a":[[[1]]]})"));
  CHECK(good("[1,2,3,4,5,6,7,8]"));
  CHECK_FALSE(good("[1,2,3,4,5,6,7,8,9,10]"));
  // Brackets in strings and comments are none; a quote in a comment opens no string.
  CHECK(good(R"(["[[[[[[", "\\", "\"[[[["])"));
  CHECK(good("// [[[[[ \"\n[/* [[[[ \" */[[1]]]"));
  CHECK_FALSE(good("// \"\n[[[[1]]]] // \""));
  CHECK_FALSE(good("[/* \" */[[[1]]]]"));
  CHECK(good("\""));
  CHECK(good("/"));
  CHECK_FALSE(checkJsonLimits(std::string(1'000'000, '[')).has_value());
}

TEST_CASE("a key that stands twice is told with its place") {
  auto complaint = [](const std::string& text) {
    auto once = checkJsonKeys(text, true);
    return once ? std::string() : once.error().message;
  };
  CHECK(complaint(R"({"a":{"b":1},"b":[{"a":1},{"a":2}]})").empty());
  CHECK(complaint(R"({"a":1,"a":1})") == "a: given twice");
  CHECK(complaint(R"({"a":{"b":[0,{"c":1,"d":2,"\u0063":3}]}})") == "a.b.c: given twice");
  CHECK(complaint(R"({"a":1, // "a":2
                     "b":2})")
            .empty());
  // What is no JSON is the parser's to say.
  CHECK(complaint(R"({"a":1,)").empty());
  CHECK(complaint("]").empty());
}

namespace {
struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "tuned-base-XXXXXX").string();
  Folder() { REQUIRE(::mkdtemp(path.data())); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path + "/" + name; }
};

unsigned modeOf(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}
} // namespace

TEST_CASE("a file is private, and nothing that others prepared is taken for ours") {
  const Folder folder;
  const mode_t old = ::umask(0);
  auto made = openPrivateFile(folder / "new", PrivateFileUse::ReadWrite);
  REQUIRE(made);
  ::close(*made);
  CHECK(modeOf(folder / "new") == 0600);
  std::ofstream(folder / "victim") << "precious";
  std::filesystem::create_symlink(folder / "victim", folder / "link");
  std::filesystem::create_hard_link(folder / "victim", folder / "hard");
  ::mkfifo((folder / "pipe").c_str(), 0600);
  std::ofstream(folder / "open") << "x";
  ::chmod((folder / "open").c_str(), 0666);
  for (const char* bad : {"link", "hard", "pipe", "open"}) {
    CAPTURE(bad);
    auto opened = openPrivateFile(folder / bad, PrivateFileUse::ReadWrite);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().kind == ErrorKind::Denied);
    CHECK_FALSE(opened.error().remedy.empty());
  }
  CHECK(std::filesystem::file_size(folder / "victim") == 8);
  if (::geteuid() == 0) {
    std::ofstream(folder / "theirs") << "x";
    REQUIRE(::chown((folder / "theirs").c_str(), 1234, 1234) == 0);
    CHECK_FALSE(openPrivateFile(folder / "theirs", PrivateFileUse::Append));
  }
  ::umask(old);
}

TEST_CASE("folders have the mode that is asked for, whatever the umask, and others may not write to them") {
  const Folder folder;
  const mode_t old = ::umask(0);
  CHECK(makeFolder(folder / "a/b/c", 0700));
  CHECK(modeOf(folder / "a") == 0700);
  ::umask(0077);
  CHECK(makeFolder(folder / "shared/deep", 0755));
  CHECK(modeOf(folder / "shared") == 0755);
  ::umask(old);
  std::ofstream(folder / "file") << "x";
  CHECK(makeFolder(folder / "file", 0700).error().kind == ErrorKind::InvalidInput);
  CHECK(makeFolder(folder / "file/below", 0700).error().kind == ErrorKind::InvalidInput);
  CHECK(checkPrivateFolder(folder / "a/b/c"));
  ::chmod((folder / "a/b/c").c_str(), 0770);
  CHECK(checkPrivateFolder(folder / "a/b/c").error().remedy.find("chmod go-w") != std::string::npos);
  ::chmod((folder / "a/b/c").c_str(), 0700);
  ::chmod((folder / "a/b").c_str(), 0777);
  CHECK(checkPrivateFolder(folder / "a/b/c").error().message.find("in the place of") != std::string::npos);
  ::chmod((folder / "a/b").c_str(), 01777);
  CHECK(checkPrivateFolder(folder / "a/b/c"));
  if (::geteuid() == 0) {
    REQUIRE(::chown((folder / "a/b/c").c_str(), 1234, 1234) == 0);
    CHECK(checkPrivateFolder(folder / "a/b/c").error().message.find("user 1234") != std::string::npos);
  }
}

TEST_CASE("code without a letter loads on later devices of its generation, code with one on its own alone") {
  CHECK(loadsOn("sm_90a", "sm_90a"));
  CHECK(loadsOn("sm_90", "sm_90a"));
  CHECK(loadsOn("sm_80", "sm_89"));
  CHECK(loadsOn("cpu:znver3+1", "cpu:znver3+1"));
  CHECK_FALSE(loadsOn("sm_89", "sm_86"));
  CHECK_FALSE(loadsOn("sm_80", "sm_90a"));
  CHECK_FALSE(loadsOn("sm_100a", "sm_103a"));
  CHECK_FALSE(loadsOn("cpu:znver3", "cpu:znver4"));
  for (const char* none : {"", "sm_", "sm_x", "90", "sm_99999999999"})
    CHECK_FALSE(loadsOn(none, "sm_90a"));
}
