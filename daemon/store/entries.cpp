#include "daemon/store/entries.h"

#include "base/durable_file.h"
#include "base/sha256.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <unistd.h>

namespace tuned::store {

namespace fs = std::filesystem;

namespace {

bool isName(const std::string& text) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' &&
         std::ranges::all_of(text, [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                  c == '_' || c == '.';
         });
}

/// The value that a file holds after its SHA-256 and a line's end; nothing: there is none, or it does not
/// match its digest.
std::optional<std::string> sound(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (file) bytes << file.rdbuf();
  const std::string text = bytes.str();
  const size_t digest = sha256("").size();
  if (text.size() <= digest || text[digest] != '\n') return std::nullopt;
  std::string value = text.substr(digest + 1);
  if (sha256(value) != text.substr(0, digest)) return std::nullopt;
  return value;
}

} // namespace

Result<std::string> Entries::path(const std::string& space, const std::string& key) const {
  for (const std::string& name : {space, key})
    if (!isName(name))
      return fail(ErrorKind::InvalidInput,
                  "'" + name +
                      "' cannot name an entry: 1 to 128 letters, digits, '-', '_' and '.', no dot first");
  return folder_ + "/" + space + "/" + key;
}

Result<std::string> Entries::get(const std::string& space, const std::string& key) {
  auto where = path(space, key);
  if (!where) return where;
  if (auto value = sound(*where)) return *value;
  std::error_code error;
  if (fs::exists(*where, error)) {
    const std::lock_guard lock(mutex_);
    // Another thread may have put a new one in the place of the damaged one meanwhile.
    if (auto value = sound(*where)) return *value;
    ::unlink(where->c_str());
    counts_.erase(space);
  }
  return fail(ErrorKind::NotFound, "there is no entry '" + key + "' in '" + space + "'");
}

bool Entries::has(const std::string& space, const std::string& key) const {
  const auto where = path(space, key);
  std::error_code ignored;
  return where && fs::exists(*where, ignored);
}

Result<size_t*> Entries::counter(const std::string& space) {
  if (auto known = counts_.find(space); known != counts_.end()) return &known->second;
  std::error_code error;
  fs::create_directories(folder_ + "/" + space, error);
  if (error) return fileError("making " + folder_ + "/" + space, error.value());
  fs::permissions(folder_, fs::perms::owner_all, error);
  size_t count = 0;
  for (auto it = fs::directory_iterator(folder_ + "/" + space, error);
       !error && it != fs::directory_iterator(); it.increment(error))
    ++count;
  return &(counts_[space] = count);
}

Result<std::string> Entries::put(const std::string& space, const std::string& key, const std::string& value,
                                 bool replace) {
  auto where = path(space, key);
  if (!where) return where;
  if (value.size() > largestValue)
    return fail(ErrorKind::OutOfResources, "an entry's value has " + std::to_string(value.size()) +
                                               " bytes; the limit is " + std::to_string(largestValue));
  if (!replace)
    if (auto known = get(space, key)) return known;
  const std::lock_guard lock(mutex_);
  auto count = counter(space);
  if (!count) return fail(count.error());
  std::error_code ignored;
  const bool present = fs::exists(*where, ignored);
  if (!present && **count >= mostInSpace)
    return fail(ErrorKind::OutOfResources,
                "'" + space + "' holds " + std::to_string(mostInSpace) + " entries",
                "remove the folder " + folder_ + "/" + space + " while no daemon runs");
  if (present && !replace) // another thread was first, between the look above and the lock
    if (auto value = sound(*where)) return *value;
  if (auto written = replaceFile(*where, sha256(value) + "\n" + value, 0600); !written)
    return fail(written.error());
  **count += !present;
  if (!space.starts_with(ofUsers)) limitShared(value.size());
  return value;
}

struct Entries::File {
  fs::path path;
  fs::file_time_type written;
  uint64_t bytes;
};

/// Under the lock.
std::vector<Entries::File>
Entries::filesOf(const std::function<bool(const std::string& space)>& wanted) const {
  std::vector<File> all;
  std::error_code error;
  for (auto space = fs::directory_iterator(folder_, error); !error && space != fs::directory_iterator();
       space.increment(error)) {
    if (!wanted(space->path().filename().string())) continue;
    std::error_code inner;
    for (auto file = fs::directory_iterator(space->path(), inner); !inner && file != fs::directory_iterator();
         file.increment(inner)) {
      std::error_code gone;
      const auto size = file->file_size(gone);
      if (!gone) all.push_back({file->path(), file->last_write_time(gone), size});
    }
  }
  return all;
}

/// Removes the oldest of the files until `most` of `bytes` together are left. Under the lock.
size_t Entries::trim(std::vector<File> files, size_t most, uint64_t bytes) {
  uint64_t held = 0;
  for (const File& file : files)
    held += file.bytes;
  size_t left = files.size();
  if (left <= most && held <= bytes) return 0;
  std::ranges::sort(files, {}, &File::written);
  for (const File& file : files) {
    if (left <= most && held <= bytes) break;
    ::unlink(file.path.c_str());
    --left;
    held -= file.bytes;
    counts_.erase(file.path.parent_path().filename().string());
    ::rmdir(file.path.parent_path().c_str()); // which succeeds when it was the last
  }
  return files.size() - left;
}

size_t Entries::trim(const std::string& prefix, size_t files, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  return trim(filesOf([&](const std::string& space) { return space.starts_with(prefix); }), files, bytes);
}

/// Where an entry of `more` bytes came: the folder is walked once, and then when it is full. Under the lock.
void Entries::limitShared(uint64_t more) {
  constexpr uint64_t block = 4096;
  if (shared_) *shared_ += std::max(more, block);
  if (shared_ && *shared_ <= mostBytes_) return;
  auto files = filesOf([](const std::string& space) { return !space.starts_with(ofUsers); });
  shared_ = 0;
  for (File& file : files)
    *shared_ += file.bytes = std::max(file.bytes, block);
  if (*shared_ <= mostBytes_) return;
  trim(std::move(files), SIZE_MAX, mostBytes_ / 8 * 7);
  shared_.reset(); // it is counted again with the next
}

Result<std::vector<std::string>> Entries::keys(const std::string& space) {
  if (auto valid = path(space, "x"); !valid) return fail(valid.error());
  std::vector<std::string> out;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder_ + "/" + space, error);
       !error && it != fs::directory_iterator(); it.increment(error))
    if (std::string name = it->path().filename().string(); isName(name)) out.push_back(std::move(name));
  std::ranges::sort(out);
  return out;
}

} // namespace tuned::store
