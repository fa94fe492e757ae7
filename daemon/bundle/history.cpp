#include "daemon/bundle/history.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

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
  const std::string text = all.dump(2) + "\n", fresh = path_ + ".new";
  int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool kept = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
              ::fsync(file) == 0 && ::rename(fresh.c_str(), path_.c_str()) == 0;
  int code = errno;
  if (file >= 0) ::close(file);
  if (!kept) return fail(ErrorKind::Denied, "cannot write " + path_ + ": " + std::strerror(code));
  return {};
}

} // namespace tuned::bundle
