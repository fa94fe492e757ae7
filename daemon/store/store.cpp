#include "daemon/store/store.h"

#include "base/clock.h"
#include "base/private_files.h"
#include "daemon/store/attempt.h"
#include "daemon/store/file/open.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>

namespace tuned::store {

namespace {
/// Between attempts to open what could not be healed.
constexpr std::chrono::seconds betweenTries(5);
/// Notices in memory; the log has all.
constexpr size_t noticesKept = 64;
} // namespace

Store::Store(std::optional<FileLock> lock, std::string path)
    : lock_(std::move(lock)), path_(std::move(path)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& folder) {
  const std::string path = folder + "/tuned.db";
  auto ready = prepareFolder(folder);
  // A cache that was baked into an image is served as it is.
  const bool readable = std::filesystem::exists(path);
  const bool denied = !ready && ready.error().kind == ErrorKind::Denied;
  const bool readOnly = readable && (denied || (ready && !writable(path)));
  if (!ready && !readOnly) return fail(ready.error());
  std::optional<FileLock> lock;
  if (!readOnly) {
    auto taken = FileLock::take(folder + "/lock", "the cache " + folder);
    if (!taken) return fail(taken.error());
    lock = std::move(*taken);
    // SQLite opens them by name.
    for (const char* end : {"", "-wal", "-shm", "-journal"})
      if (auto own = checkPrivateFile(path + end); !own) return fail(own.error());
  }
  std::unique_ptr<Store> store(new Store(std::move(lock), path));
  store->readOnly_ = readOnly;
  Opened opened;
  try {
    opened = readOnly ? openReadOnly(path) : openChecked(path);
  } catch (const DatabaseError& error) {
    return fail(error.error);
  }
  store->database_ = std::move(opened.database);
  store->notices_ = std::move(opened.notices);
  store->rememberFile();
  return store;
}

void Store::rememberFile() {
  struct stat file {};
  const bool there = ::stat(path_.c_str(), &file) == 0;
  const std::lock_guard guard(fileMutex_);
  if (!there) return;
  device_ = file.st_dev;
  inode_ = file.st_ino;
}

/// As long as it lives, the file at the path is not compared with the one that was opened.
class Store::Replacing {
public:
  explicit Replacing(Store& store) : store_(store) { set(true); }
  ~Replacing() { set(false); }
  Replacing(const Replacing&) = delete;

private:
  void set(bool replacing) {
    const std::lock_guard guard(store_.fileMutex_);
    store_.replacing_ = replacing;
  }
  Store& store_;
};

std::optional<std::string> Store::displaced() const {
  const std::lock_guard guard(fileMutex_);
  if (replacing_) return std::nullopt;
  struct stat file {};
  if (::stat(path_.c_str(), &file) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) return std::nullopt; // not to be told now
    return "the cache " + path_ + " was removed under the running daemon: what is tuned now cannot be kept";
  }
  if (file.st_dev == device_ && file.st_ino == inode_) return std::nullopt;
  return "the cache " + path_ +
         " was replaced by another file under the running daemon: what is tuned now cannot be kept";
}

/// After it could not be healed; for the disk may have room again.
void Store::reopen() {
  if (database_) return;
  if (std::chrono::steady_clock::now() < nextTry_)
    throw DatabaseError({ErrorKind::Unavailable,
                         "the cache " + path_ + " is damaged and could not be repaired yet", std::nullopt,
                         "see what was wrong in the status; it is tried again in some seconds"},
                        false);
  nextTry_ = std::chrono::steady_clock::now() + betweenTries;
  const Replacing replacing(*this);
  Opened opened = openChecked(path_);
  database_ = std::move(opened.database);
  rememberFile();
  noticeNew(opened.notices);
}

/// Whether the file was not replaced too often of late; says so once.
bool Store::mayHeal() {
  if (heals_.take(std::chrono::steady_clock::now())) return true;
  noticeNew({"the cache " + path_ + " was damaged " + std::to_string(HealLimit::most) + " times within " +
             std::to_string(HealLimit::within.count()) +
             " minutes and is left as it is for a while: look at the disk and the memory, or choose another "
             "folder with --cache"});
  return false;
}

/// Replaces a file that turned out to be damaged while it was in use. False: it was not, or
/// nothing can be done. Under the lock; no statement may be left.
bool Store::heal(const DatabaseError& error) {
  if (!error.corrupt || !database_ || readOnly_ || displaced() || !mayHeal()) return false;
  try {
    database_.reset();
    nextTry_ = {};
    const Replacing replacing(*this);
    Opened opened = replaceDamaged(path_, error.error.message);
    database_ = std::move(opened.database);
    rememberFile();
    noticeNew(opened.notices);
    return true;
  } catch (const std::exception& exception) {
    nextTry_ = std::chrono::steady_clock::now() + betweenTries;
    noticeNew({"the damaged cache " + path_ + " could not be repaired: " + exception.what()});
    return false;
  }
}

void Store::noticeNew(const std::vector<std::string>& texts) {
  for (const std::string& text : texts)
    if (std::ranges::find(notices_, text) == notices_.end()) notice(text);
}

void Store::notice(const std::string& text) {
  notices_.push_back(text);
  if (notices_.size() > noticesKept) notices_.erase(notices_.begin());
  if (listener_) listener_(text);
}

std::vector<std::string> Store::notices() const {
  std::lock_guard guard(mutex_);
  return notices_;
}

Result<void> Store::batch(const std::function<Result<void>()>& work) {
  std::lock_guard guard(mutex_);
  Result<void> done;
  auto ran = change([&] {
    Changes changes(*database_);
    done = work();
    if (done) changes.commit();
  });
  return ran ? done : ran;
}

Result<void> Store::putTarget(const TargetRecord& target) {
  return change([&] {
    if (numberOf(*database_, "SELECT count(*) FROM targets WHERE id = ?", target.id) > 0) return;
    run(*database_, "INSERT INTO targets(id, hardware, device, description) VALUES(?, ?, ?, ?)", target.id,
        target.hardware, target.device, target.description);
  });
}

Result<std::vector<TargetRecord>> Store::targets() {
  return attempt([&] {
    std::vector<TargetRecord> out;
    auto row = query(*database_, "SELECT id, hardware, device, description FROM targets ORDER BY rowid");
    while (row.executeStep())
      out.push_back({text(row, 0), text(row, 1), text(row, 2), text(row, 3), {}});
    return out;
  });
}

Result<void> Store::putJob(const JobRecord& job) {
  return change([&] {
    run(*database_,
        "INSERT INTO jobs(id, state, request, outcome, created, user) "
        "VALUES(?, ?, ?, ?, ?, nullif(?, -1))",
        job.id, job.state, job.request, job.outcome, job.created > 0 ? job.created : unixNow(),
        job.user ? static_cast<int64_t>(*job.user) : int64_t{-1});
  });
}

Result<void> Store::setJob(const std::string& id, const std::string& state, const std::string& outcome) {
  return change(
      [&] { run(*database_, "UPDATE jobs SET state = ?, outcome = ? WHERE id = ?", state, outcome, id); });
}

Result<std::vector<JobRecord>> Store::unfinishedJobs() {
  return attempt([&] {
    std::vector<JobRecord> out;
    auto row = query(*database_, "SELECT id, state, request, outcome, created, coalesce(user, -1) FROM jobs "
                                 "WHERE state IN ('queued', 'running') ORDER BY created, rowid");
    while (row.executeStep()) {
      out.push_back({text(row, 0), text(row, 1), text(row, 2), text(row, 3), real(row, 4), {}});
      if (const int64_t user = number(row, 5); user >= 0) out.back().user = static_cast<unsigned>(user);
    }
    return out;
  });
}

Result<Counts> Store::counts() {
  return attempt([&] {
    Database& db = *database_;
    return Counts{
        numberOf(db, "SELECT count(DISTINCT kernel) FROM documents"),
        numberOf(db, "SELECT count(*) FROM measurements"),
        numberOf(db, "SELECT count(*) FROM (SELECT DISTINCT problem, target FROM measurements INDEXED BY "
                     "candidates WHERE standing = 1)"),
        numberOf(db, "SELECT count(*) FROM builds"),
        numberOf(db, "SELECT count(*) FROM artefacts"),
        numberOf(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")};
  });
}

Result<void> Store::checkpoint() {
  if (readOnly_ || displaced()) return {};
  return attempt([&] { database_->exec("PRAGMA wal_checkpoint(TRUNCATE)"); });
}

} // namespace tuned::store
