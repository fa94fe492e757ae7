#include "daemon/service/studies/studies.h"

#include "base/json_limits.h"
#include "base/sha256.h"
#include "daemon/service/ids.h"
#include "tuner/search/distance.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tuned {
namespace {

using nlohmann::json;

constexpr size_t kOpenPerUser = 8, kOpen = 64;
constexpr size_t kPointsKept = 4096, kValuesKept = 150'000;
constexpr size_t kHistories = 8;
/// Of one user's studies on the disk; those told longest ago go first.
constexpr size_t kFilesPerUser = 4096;
constexpr uint64_t kBytesPerUser = uint64_t{64} << 20;
/// Where a study of more bytes is kept, the user's are counted each time, not only for one more.
constexpr size_t kLarge = size_t{100} << 10;

/// With this begin the names of all spaces of a user.
std::string prefixOf(const std::string& user) {
  return store::Entries::ofUsers + user + "-";
}

/// Name of the entries' space: studies in it have the same parameters and belong to the same user.
std::string spaceOf(const protocol::StudyRequest& request, const std::string& user) {
  json identity = {user, request.name, request.parameters};
  if (request.objective) identity.push_back(*request.objective); // its values are of another kind
  return prefixOf(user) + sha256(identity.dump()).substr(0, 32);
}

std::string keyOf(const protocol::StudyRequest& request) {
  return sha256(json{request.sizes, request.device, request.constraints}.dump()).substr(0, 32);
}

/// The fastest half and the newest, when there are more than `most`.
std::vector<ToldPoint> keptOf(const std::vector<ToldPoint>& told, size_t most) {
  if (told.size() <= most) return told;
  const auto newest = told.end() - static_cast<long>(most / 2);
  std::vector<ToldPoint> out(told.begin(), newest);
  auto time = [](const ToldPoint& point) { return point.value.value_or(INFINITY); };
  std::ranges::stable_sort(out, {}, time);
  out.resize(most - most / 2);
  out.insert(out.end(), newest, told.end());
  return out;
}

/// `document` with the points: names once, then a row of values for each.
std::string textOf(json document, const std::vector<ToldPoint>& points) {
  json names = json::array(), rows = json::array(), values = json::array();
  for (const auto& [name, value] : points.front().configuration)
    names.push_back(name);
  for (const ToldPoint& point : points) {
    json row = json::array();
    for (const auto& [name, value] : point.configuration)
      row.push_back(value);
    rows.push_back(std::move(row));
    values.push_back(point.value ? json(*point.value) : json());
  }
  document["parameters"] = std::move(names);
  document["rows"] = std::move(rows);
  document["values"] = std::move(values);
  return document.dump();
}

struct Kept {
  std::map<std::string, int64_t> sizes;
  std::string device;
  std::vector<ToldPoint> points;
};

/// Nothing: it is no study of ours.
std::optional<Kept> parse(const std::string& text) {
  if (!checkJsonLimits(text, {})) return std::nullopt;
  try {
    const json document = json::parse(text);
    Kept kept{document.at("sizes"), document.at("device"), {}};
    const std::vector<std::string> names = document.at("parameters");
    const json &rows = document.at("rows"), &values = document.at("values");
    for (size_t i = 0; i < rows.size(); ++i) {
      ToldPoint point;
      for (size_t j = 0; j < names.size(); ++j)
        point.configuration[names[j]] = rows.at(i).at(j).get<int64_t>();
      if (!values.at(i).is_null()) point.value = values.at(i).get<double>();
      kept.points.push_back(std::move(point));
    }
    return kept;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

std::unexpected<Error> notOpen(const std::string& id) {
  return fail(ErrorKind::NotFound, "no study '" + id + "' is open (any more)",
              "open it again: what was told is kept, and what was asked of the old one cannot be told");
}

} // namespace

Result<protocol::StudyInfo> Studies::open(const protocol::StudyRequest& request, const std::string& user) {
  auto held = std::make_shared<Held>();
  held->user = user;
  held->space = spaceOf(request, user);
  held->key = keyOf(request);
  held->about = json{{"sizes", request.sizes}, {"device", request.device}}.dump();
  for (;;) {
    closeEqual(*held);
    auto info = load(request, held);
    if (!info) return info;
    const std::lock_guard guard(mutex_);
    if (hasEqual(*held)) continue; // another caller opened the same meanwhile: go on where that one is
    makeRoom(user);
    held->used = ++clock_;
    open_[info->id] = held;
    return info;
  }
}

/// What is known of the study and of those like it, and the search over it, into `held`.
Result<protocol::StudyInfo> Studies::load(const protocol::StudyRequest& request,
                                          const std::shared_ptr<Held>& held) {
  std::vector<ToldPoint> known;
  std::vector<History> histories;
  if (auto keys = entries_.keys(held->space)) {
    for (const std::string& key : *keys) {
      auto text = entries_.get(held->space, key);
      auto kept = text ? parse(*text) : std::nullopt;
      if (!kept) continue;
      if (key == held->key) {
        known = std::move(kept->points);
        continue;
      }
      const double distance = distanceBetween(request.sizes, kept->sizes, kept->device != request.device);
      History history{toString(kept->sizes) + " on " + kept->device, distance, {}};
      for (const ToldPoint& point : kept->points)
        history.points.push_back({point.configuration, point.value});
      histories.push_back(std::move(history));
      // As it goes: all of them at once may be more than there is memory for.
      std::ranges::stable_sort(histories, {}, &History::distance);
      if (histories.size() > kHistories) histories.pop_back();
    }
  }
  const std::string id = newId();
  auto study = OpenStudy::open(id, request, known, std::move(histories));
  if (!study) return fail(study.error());
  held->study = std::move(*study);
  return held->study->info();
}

/// Under the lock.
bool Studies::hasEqual(const Held& held) const {
  return std::ranges::any_of(open_, [&](const auto& each) {
    return each.second->space == held.space && each.second->key == held.key;
  });
}

/// Under the lock.
Studies::Open::iterator Studies::end(Open::iterator study) {
  study->second->closed = true;
  return open_.erase(study);
}

/// What is being told to an equal one is kept before this returns.
void Studies::closeEqual(const Held& held) {
  std::vector<std::shared_ptr<Held>> closed;
  {
    std::lock_guard guard(mutex_);
    for (auto each = open_.begin(); each != open_.end();) {
      const bool equal = each->second->space == held.space && each->second->key == held.key;
      if (equal) closed.push_back(each->second);
      each = equal ? end(each) : std::next(each);
    }
  }
  for (const auto& each : closed)
    std::lock_guard guard(each->mutex);
}

/// Closes those used longest ago, of this user and then of all. Under the lock.
void Studies::makeRoom(const std::string& user) {
  auto oldest = [&](bool own) {
    auto found = open_.end();
    for (auto each = open_.begin(); each != open_.end(); ++each)
      if ((!own || each->second->user == user) &&
          (found == open_.end() || each->second->used < found->second->used))
        found = each;
    return found;
  };
  while (static_cast<size_t>(std::ranges::count_if(
             open_, [&](const auto& each) { return each.second->user == user; })) >= kOpenPerUser)
    end(oldest(true));
  while (open_.size() >= kOpen)
    end(oldest(false));
}

Result<std::shared_ptr<Studies::Held>> Studies::find(const std::string& id, const std::string& user) {
  std::lock_guard guard(mutex_);
  auto found = open_.find(id);
  if (found == open_.end() || found->second->user != user) return notOpen(id);
  found->second->used = ++clock_;
  return found->second;
}

Result<protocol::StudyInfo> Studies::show(const std::string& id, const std::string& user) {
  auto held = find(id, user);
  if (!held) return fail(held.error());
  std::lock_guard guard((*held)->mutex);
  return (*held)->study->info();
}

Result<protocol::AskAnswer> Studies::ask(const std::string& id, const protocol::AskRequest& request,
                                         const std::string& user) {
  auto held = find(id, user);
  if (!held) return fail(held.error());
  std::lock_guard guard((*held)->mutex);
  if ((*held)->closed) return notOpen(id);
  auto proposals = (*held)->study->ask(request.count);
  if (!proposals) return fail(proposals.error());
  return protocol::AskAnswer{std::move(*proposals), (*held)->study->info()};
}

Result<protocol::StudyInfo> Studies::tell(const std::string& id, const protocol::TellRequest& request,
                                          const std::string& user) {
  auto held = find(id, user);
  if (!held) return fail(held.error());
  std::lock_guard guard((*held)->mutex);
  if ((*held)->closed) return notOpen(id); // its list would take the place of what an equal one is told
  if (auto taken = (*held)->study->tell(request.results); !taken) return fail(taken.error());
  if (!request.results.empty())
    if (auto kept = keep(**held); !kept)
      return fail(kept.error().kind, "what was told counts, but could not be kept: " + kept.error().message,
                  "it is kept with the next tell that can be");
  return (*held)->study->info();
}

Result<void> Studies::keep(const Held& held) {
  const auto& told = held.study->told();
  const auto& parameters = told.front().configuration;
  size_t most = std::min(kPointsKept, kValuesKept / (parameters.size() + 1));
  std::string text;
  do {
    text = textOf(json::parse(held.about), keptOf(told, most));
    most /= 2;
  } while (text.size() > store::Entries::largestValue && most > 1);
  const bool known = entries_.has(held.space, held.key);
  auto kept = entries_.put(held.space, held.key, text, true);
  if (!kept) return fail(kept.error());
  if (!known || text.size() > kLarge) entries_.trim(prefixOf(held.user), kFilesPerUser, kBytesPerUser);
  return {};
}

Result<protocol::StudyInfo> Studies::close(const std::string& id, const std::string& user) {
  auto held = find(id, user);
  if (!held) return fail(held.error());
  {
    std::lock_guard guard(mutex_);
    if (auto found = open_.find(id); found != open_.end()) end(found);
  }
  std::lock_guard guard((*held)->mutex);
  return (*held)->study->info();
}

} // namespace tuned
