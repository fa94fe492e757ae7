#include "backend/toolchain/toolchain.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <unistd.h>

using namespace tuned;
namespace fs = std::filesystem;

namespace {

/// A folder of our own in which files stand, named by GPU_TUNED_TOOLCHAIN as long as it lives.
class NamedFolder {
public:
  NamedFolder() : path(fs::temp_directory_path() / ("toolchain_test." + std::to_string(::getpid()))) {
    fs::create_directories(path / "bin");
    ::setenv(toolchain::variable, path.c_str(), 1);
  }
  ~NamedFolder() {
    ::unsetenv(toolchain::variable);
    fs::remove_all(path);
  }
  fs::path script(const std::string& name, const std::string& text, bool executable = true) const {
    fs::path file = path / "bin" / name;
    std::ofstream(file) << "#!/bin/sh\n" << text << "\n";
    if (executable) fs::permissions(file, fs::perms::owner_all);
    return file;
  }
  fs::path path;
};

} // namespace

TEST_CASE("versions compare by their numbers") {
  using toolchain::compareVersions;
  CHECK(compareVersions("13.2", "13.10") < 0);
  CHECK(compareVersions("13.5.37", "13.5") > 0);
  CHECK(compareVersions("13.3", "13.3.0") == 0);
  CHECK(compareVersions("", "1") < 0);
}

TEST_CASE("the folder that the variable names comes before every other") {
  NamedFolder named;
  CHECK(toolchain::folders().front() == named.path);
  fs::path script = named.script("ptxas", "exit 0");
  CHECK(toolchain::findFile({"ptxas"}) == script);
  CHECK(toolchain::findProgram("ptxas") == script);
  CHECK(toolchain::findFile({"no such file anywhere"}).empty());
}

TEST_CASE("a variable that names nothing, or a folder without tools, is told") {
  CHECK(toolchain::variableFault().empty()); // not set
  NamedFolder named;
  CHECK(toolchain::variableFault().find("none of NVIDIA's tools") != std::string::npos);
  named.script("ptxas", "exit 0");
  CHECK(toolchain::variableFault().empty());
  ::setenv(toolchain::variable, "/nonexistent/toolchain", 1);
  CHECK(toolchain::variableFault().find("/nonexistent/toolchain: there is nothing") != std::string::npos);
}

TEST_CASE("a file that may not be executed is no program") {
  NamedFolder named;
  named.script("tool_without_rights", "exit 0", false);
  CHECK_FALSE(toolchain::findFile({"tool_without_rights"}).empty());
  CHECK(toolchain::findProgram("tool_without_rights").empty());
}

TEST_CASE("a program tells its version, or why not") {
  NamedFolder named;
  auto version = toolchain::programVersion(
      named.script("good", "echo 'Cuda compilation tools, release 13.5, V13.5.37'; echo Build x"));
  REQUIRE_MESSAGE(version.has_value(), version.error().text());
  CHECK(*version == "13.5.37");
  for (const char* text : {"echo nothing of the kind", "exit 1", "kill -SEGV $$"}) {
    CAPTURE(text);
    auto wrong = toolchain::programVersion(named.script("wrong" + std::to_string(text[2]), text));
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().kind == ErrorKind::Unavailable);
    CHECK(wrong.error().remedy.find(toolchain::variable) != std::string::npos);
  }
  CHECK_FALSE(toolchain::programVersion(named.path / "bin" / "absent").has_value());
}
