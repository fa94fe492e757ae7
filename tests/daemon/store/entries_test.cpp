#include "daemon/store/entries.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace tuned;
using store::Entries;

namespace {
struct Folder {
  std::string path = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "tuned-entries-XXXXXX").string();
    return std::string(mkdtemp(pattern.data()));
  }();
  ~Folder() { std::filesystem::remove_all(path); }
};
} // namespace

TEST_CASE("who comes first is kept, in the next process too, unless it is replaced") {
  Folder folder;
  Entries entries(folder.path + "/entries");
  CHECK(entries.get("triton", "a").error().kind == ErrorKind::NotFound);
  CHECK(entries.put("triton", "a", R"({"block":64})", false).value() == R"({"block":64})");
  CHECK(entries.put("triton", "a", R"({"block":128})", false).value() == R"({"block":64})");
  Entries next(folder.path + "/entries");
  CHECK(next.get("triton", "a").value() == R"({"block":64})");
  CHECK(next.put("triton", "a", R"({"block":128})", true).value() == R"({"block":128})");
  CHECK(entries.get("triton", "a").value() == R"({"block":128})");
  CHECK(next.get("other", "a").error().kind == ErrorKind::NotFound);
  next.put("triton", "0", "{}", false);
  CHECK(next.keys("triton").value() == std::vector<std::string>{"0", "a"});
  CHECK(next.keys("other").value().empty());
}

TEST_CASE("whether an entry is there is told without reading it") {
  Folder folder;
  Entries entries(folder.path + "/entries");
  CHECK_FALSE(entries.has("space", "key"));
  REQUIRE(entries.put("space", "key", "{}", false));
  CHECK(entries.has("space", "key"));
  CHECK_FALSE(entries.has("space", "../key"));
}

TEST_CASE("a damaged entry is none, and its place is free") {
  Folder folder;
  Entries entries(folder.path);
  REQUIRE(entries.put("space", "key", R"({"block":64})", false));
  const std::string file = folder.path + "/space/key";
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  text[text.size() - 3] ^= 1;
  std::ofstream(file) << text;
  CHECK(entries.get("space", "key").error().kind == ErrorKind::NotFound);
  CHECK(entries.put("space", "key", R"({"block":32})", false).value() == R"({"block":32})");
  std::ofstream(file) << "";
  CHECK(entries.get("space", "key").error().kind == ErrorKind::NotFound);
}

TEST_CASE("names that could leave the folder, and values that are too large, are refused") {
  Folder folder;
  Entries entries(folder.path);
  for (const char* name : {"", "..", ".hidden", "a/b", "a b", "\xc3\xa4"})
    CHECK(entries.put("space", name, "{}", false).error().kind == ErrorKind::InvalidInput);
  CHECK(entries.put("..", "key", "{}", false).error().kind == ErrorKind::InvalidInput);
  CHECK(entries.keys("../..").error().kind == ErrorKind::InvalidInput);
  CHECK(entries.put("space", "key", std::string(Entries::largestValue + 1, ' '), false).error().kind ==
        ErrorKind::OutOfResources);
}

TEST_CASE("of many that come at once one is first, for all") {
  Folder folder;
  Entries entries(folder.path);
  std::vector<std::string> kept(8);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kept.size(); ++i)
    threads.emplace_back([&, i] { kept[i] = entries.put("space", "key", std::to_string(i), false).value(); });
  for (std::thread& thread : threads)
    thread.join();
  for (const std::string& value : kept)
    CHECK(value == kept[0]);
}

TEST_CASE("entries for all have so many bytes together, users' spaces their own") {
  Folder folder;
  const auto spaces = {"a", "b", "c"};
  const auto shared = [&](Entries& entries) {
    size_t count = 0;
    for (const char* space : spaces)
      count += entries.keys(space).value().size();
    return count;
  };
  Entries entries(folder.path, 40 * 4096);
  for (int i = 0; i < 100; ++i)
    REQUIRE(entries.put("study-1-a", std::to_string(i), "{}", false));
  for (int i = 0; i < 13; ++i)
    for (const char* space : spaces)
      REQUIRE(entries.put(space, std::to_string(i), "{}", false));
  CHECK(shared(entries) == 39);
  for (int i = 100; i < 200; ++i) {
    REQUIRE(entries.put("a", std::to_string(i), std::string(5000, ' '), false));
    CHECK(shared(entries) <= 40);
    CHECK(entries.get("a", std::to_string(i)));
  }
  CHECK(shared(entries) >= 20);
  CHECK(entries.keys("study-1-a").value().size() == 100);
  Entries next(folder.path, 10 * 4096); // what is there counts from the first on
  REQUIRE(next.put("b", "next", "{}", false));
  CHECK(shared(next) <= 10);
  CHECK(next.get("b", "next"));
}

TEST_CASE("what was written longest ago goes first when there is too much") {
  Folder folder;
  Entries entries(folder.path + "/entries");
  const auto put = [&](const std::string& space, const std::string& key, int age) {
    REQUIRE(entries.put(space, key, R"({"a":1})", true));
    std::filesystem::last_write_time(folder.path + "/entries/" + space + "/" + key,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(age));
  };
  put("study-1-a", "old", 5);
  put("study-1-a", "new", 1);
  put("study-1-b", "older", 9);
  put("study-10-a", "oldest", 99); // another user's
  CHECK(entries.trim("study-1-", 3, 1 << 20) == 0);
  CHECK(entries.trim("study-1-", 2, 1 << 20) == 1);
  CHECK(entries.keys("study-1-a").value() == std::vector<std::string>{"new", "old"});
  CHECK(entries.keys("study-1-b").value().empty());
  CHECK_FALSE(std::filesystem::exists(folder.path + "/entries/study-1-b"));
  CHECK(entries.trim("study-1-", 9, 100) == 1); // bytes count, too
  CHECK(entries.keys("study-1-a").value() == std::vector<std::string>{"new"});
  CHECK(entries.get("study-10-a", "oldest"));
  put("study-1-b", "again", 0); // into a space whose folder went
  CHECK(entries.get("study-1-b", "again"));
}
