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
/// The same as the body of a PUT, where no key may be misspelt.
struct EntryRequest : Entry {};
struct EntryList {
  std::vector<std::string> keys;
};

} // namespace tuned::protocol
