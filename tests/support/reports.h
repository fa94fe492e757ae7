// What a sanitizer reports in a program that a test starts goes to that program's log, and the test may pass
// all the same: a worker that dies is replaced. Shown by the test it is seen by scripts/sanitize.
#pragma once

#include <iostream>
#include <string>

namespace tuned::test {

inline void showReports(const std::string& log) {
  for (const char* sign : {"Sanitizer:", "runtime error:"})
    if (const size_t at = log.find(sign); at != std::string::npos) {
      const size_t line = log.rfind('\n', at);
      std::cerr << "in a log:\n" << log.substr(line == std::string::npos ? 0 : line + 1, 8000) << "\n";
      return;
    }
}

} // namespace tuned::test
