// What clients keep for each other: GET and PUT /v1/entries/{space}/{key}, GET /v1/entries/{space}.
#pragma once

#include <string>
#include <vector>

namespace tuned::protocol {

/// A JSON object that the daemon does not read. PUT answers with what is kept, which is the older one unless
/// `replace`.
struct Entry {
  std::string value; ///< a JSON object
  bool replace = false;
};
struct EntryList {
  std::vector<std::string> keys;
};

} // namespace tuned::protocol
