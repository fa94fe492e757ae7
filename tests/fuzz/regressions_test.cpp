// Texts that once crashed, hung or ended without a place. `// error: X` in the first line: one of the
// targets, or the front end before them, gives an error that says X.
#include "tests/fuzz/check.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using namespace tuned;

constexpr std::string_view mark = "// error: ";

std::string textOf(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void checkFile(const std::filesystem::path& file) {
  std::string text = textOf(file);
  std::string expected;
  if (text.starts_with(mark)) expected = text.substr(mark.size(), text.find('\n') - mark.size());
  bool said = expected.empty();
  for (const char* target : {"cpu", "sm_90a", "tileir", "reference"}) {
    CheckResult verdict = check(text, {target});
    INFO(file.filename().string(), ", ", target);
    CHECK_MESSAGE(verdict.defect.empty(), verdict.defect);
    said |= verdict.error && verdict.error->text().find(expected) != std::string::npos;
  }
  CHECK_MESSAGE(said, file.filename().string(), ": nobody says \"", expected, "\"");
}

} // namespace

TEST_CASE("what once went wrong ends in a module, or in an error with a location") {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TUNED_REGRESSIONS)) {
    checkFile(entry.path());
    ++files;
  }
  CHECK_GT(files, 0u);
}
