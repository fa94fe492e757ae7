#include "tests/conformance/known.h"

#include <fnmatch.h>

#include <fstream>

namespace tuned::conformance {
namespace {

std::string trim(const std::string& text) {
  size_t from = text.find_first_not_of(" `"), to = text.find_last_not_of(" `");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

/// The cells between the bars of a row.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> found;
  for (size_t at = line.find('|'); at != std::string::npos;) {
    size_t end = line.find('|', at + 1);
    if (end == std::string::npos) break;
    found.push_back(trim(line.substr(at + 1, end - at - 1)));
    at = end;
  }
  return found;
}

} // namespace

Result<KnownCases> readKnown(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(ErrorKind::NotFound, "cannot read " + path);
  KnownCases read;
  bool treatments = false; // which table the rows belong to
  std::string line;
  for (unsigned number = 1; std::getline(in, line); ++number) {
    if (!line.starts_with("|")) continue;
    std::vector<std::string> row = cells(line);
    if (row.size() < 3 || row[0].starts_with("-")) continue;
    if (row[0] == "case" || row[0] == "test") {
      treatments = row[0] == "test";
      continue;
    }
    if (row[2].empty())
      return fail(Error{ErrorKind::InvalidInput, "a known case without a reason", Location{path, number, 1}});
    if (treatments)
      read.treatments.push_back({row[0], row[1], row[2]});
    else
      read.known.push_back({row[0], row[1], row[2]});
  }
  return read;
}

const Known* findKnown(const std::vector<Known>& known, const std::string& id, const std::string& device) {
  std::string family = device.substr(0, device.find(':'));
  for (const Known& row : known)
    if ((row.device == "all" || row.device == family) && fnmatch(row.pattern.c_str(), id.c_str(), 0) == 0)
      return &row;
  return nullptr;
}

bool isTreated(const std::vector<Treatment>& treatments, const std::string& test, const std::string& word) {
  for (const Treatment& row : treatments)
    if (row.word == word && fnmatch(row.pattern.c_str(), test.c_str(), FNM_NOESCAPE) == 0) return true;
  return false;
}

} // namespace tuned::conformance
