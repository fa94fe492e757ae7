#include "daemon/http/peer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <grp.h>
#include <map>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace tuned {

namespace {

std::unexpected<Error> unknown(const char* what) {
  return fail(ErrorKind::Unavailable, std::string(what) + ": " + std::strerror(errno));
}

/// The supplementary groups of the process that connected.
std::vector<gid_t> groupsOf(int connection) {
  socklen_t bytes = 0;
  std::vector<gid_t> groups;
  // The first call says how much there is; a list of none is a success.
  while (::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) {
    if (errno != ERANGE || bytes <= groups.size() * sizeof(gid_t)) return {};
    groups.resize(bytes / sizeof(gid_t));
  }
  groups.resize(bytes / sizeof(gid_t));
  return groups;
}

/// The group's number, looked up once a minute at most: a directory service may take its time, and the loop
/// waits.
std::optional<gid_t> numberOf(const std::string& name) {
  struct Known {
    std::optional<gid_t> number;
    std::chrono::steady_clock::time_point at;
  };
  static std::map<std::string, Known> known; // used from the loop's thread alone
  const auto now = std::chrono::steady_clock::now();
  auto found = known.find(name);
  if (found != known.end() && now - found->second.at < std::chrono::minutes(1)) return found->second.number;
  const group* entry = ::getgrnam(name.c_str());
  return (known[name] = {entry ? std::optional(entry->gr_gid) : std::nullopt, now}).number;
}

bool isMember(const std::string& name, gid_t own, const std::vector<gid_t>& groups) {
  if (name.empty()) return false;
  if (name == Options::everyone) return true;
  const auto number = numberOf(name);
  return number && (*number == own || std::ranges::find(groups, *number) != groups.end());
}

} // namespace

Result<Peer> identify(int connection, const Options& options) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return unknown("SO_PEERCRED");
  Peer peer{credentials.pid, credentials.uid, Rights::Submit};
  if (credentials.uid == ::geteuid() || credentials.uid == 0) return peer;
  const std::vector<gid_t> groups = groupsOf(connection);
  if (isMember(options.submitGroup, credentials.gid, groups)) return peer;
  peer.rights = Rights::Ask;
  if (isMember(options.group, credentials.gid, groups)) return peer;
  return fail(ErrorKind::Denied, "user " + std::to_string(credentials.uid) + " may not use this daemon",
              options.group.empty() ? "start it with --group and join that group"
                                    : "join group " + options.group + " and log in again");
}

} // namespace tuned
