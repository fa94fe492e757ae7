#include "daemon/bundle/history.h"

#include "base/durable_file.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace tuned::bundle {

using nlohmann::json;

Result<History> History::load(const std::string& path) {
  History out;
  out.path_ = path;
  std::ifstream in(path);
  if (!in) return out;
  json all = json::parse(in, nullptr, false);
  try {
    for (const auto& [signer, entry] : all.items())
      out.entries_[signer] = {entry.at("serial").get<int64_t>(), entry.at("hash").get<std::string>()};
  } catch (const json::exception&) {
    return fail(ErrorKind::InvalidInput, path + " is damaged: which bundles were imported is not known",
                "remove it; an older bundle can then be imported once more");
  }
  return out;
}

History::Entry History::last(const std::string& signer) const {
  auto found = entries_.find(signer);
  return found == entries_.end() ? Entry() : found->second;
}

Result<void> History::remember(const std::string& signer, const Entry& entry) {
  entries_[signer] = entry;
  json all = json::object();
  for (const auto& [name, one] : entries_)
    all[name] = {{"serial", one.serial}, {"hash", one.hash}};
  return replaceFile(path_, all.dump(2) + "\n", 0600);
}

} // namespace tuned::bundle
