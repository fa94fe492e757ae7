#include "base/durable_file.h"
#include "base/hex.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace tuned;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  const fs::path path = fs::temp_directory_path() / ("durable-" + std::to_string(::getpid()));
};

std::string contents(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

} // namespace

TEST_CASE("hexadecimal digits stand for all bytes, and back") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all += static_cast<char>(byte);
  CHECK(toHex(all).substr(0, 6) == "000102");
  CHECK(toHex(all).ends_with("fdfeff"));
  CHECK(fromHex(toHex(all)) == all);
  CHECK(fromHex("FF") == "\xff");
  CHECK(toHex("").empty());
}

TEST_CASE("a file is replaced whole and with its mode, and nothing else is left") {
  const Folder folder;
  const std::string path = folder.path / "file", large(1 << 20, 'x');
  REQUIRE(replaceFile(path, "old", 0600));
  CHECK(contents(path) == "old");
  REQUIRE(replaceFile(path, large, 0600));
  CHECK(contents(path) == large);
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
}

TEST_CASE("a link is replaced, not followed, and a folder that is not there is named") {
  const Folder folder;
  const fs::path target = folder.path / "target", link = folder.path / "link";
  std::ofstream(target) << "another's";
  fs::create_symlink(target, link);
  REQUIRE(replaceFile(link, "ours", 0600));
  CHECK(contents(target) == "another's");
  CHECK_FALSE(fs::is_symlink(link));
  const auto nowhere = replaceFile(folder.path / "none" / "file", "x", 0600);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().kind == ErrorKind::NotFound);
  CHECK(nowhere.error().message.find("none/file") != std::string::npos);
}

TEST_CASE("an error of the system is told by what can be done about it") {
  CHECK(fileError("writing x", ENOSPC).error().kind == ErrorKind::OutOfResources);
  CHECK(fileError("writing x", EROFS).error().kind == ErrorKind::Denied);
  CHECK(fileError("writing x", EIO).error().kind == ErrorKind::Unavailable);
}
