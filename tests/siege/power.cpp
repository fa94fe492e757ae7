// Power loss below SQLite: a file system in between remembers what has been written since the last fsync.
// When the power goes, each such write is on the disk whole, in part, or not at all. What was acknowledged
// must be there.
//   siege_power [COMMITS] [SEEDS] [SECONDS]
// No seed is begun after so many seconds; each that is done says so on standard error.
#include "daemon/store/store.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sqlite3.h>
#include <string>
#include <vector>

using namespace tuned;

namespace {

struct Change {
  std::string path;
  sqlite3_int64 offset;
  std::string bytes;     ///< written there
  bool truncate = false; ///< the file ends at offset instead
};

/// What the disk holds for certain, and what may be on its way. Creating and deleting files counts as done at
/// once.
struct Disk {
  std::map<std::string, std::string> durable;
  std::vector<Change> pending;
  long untilLoss = -1; ///< operations; the power is gone at 0
  bool lost = false;

  bool tick() {
    if (!lost && untilLoss >= 0 && untilLoss-- == 0) lost = true;
    return !lost;
  }
  static void apply(std::string& file, const Change& change, size_t from, size_t to) {
    const auto at = static_cast<size_t>(change.offset);
    if (change.truncate) return file.resize(at);
    if (file.size() < at + to) file.resize(at + to);
    std::copy_n(change.bytes.data() + from, to - from, file.data() + at + from);
  }
  void sync(const std::string& path) {
    std::vector<Change> rest;
    for (Change& change : pending) {
      if (change.path == path)
        apply(durable[path], change, 0, change.bytes.size());
      else
        rest.push_back(std::move(change));
    }
    pending = std::move(rest);
  }
  /// Sectors of 512 bytes are written whole or not; which of those on their way is chance.
  void lose(std::mt19937_64& chance) {
    constexpr size_t sector = 512;
    for (const Change& change : pending) {
      const auto fate = chance() % 3;
      if (fate == 0) continue;
      if (fate == 1 || change.truncate) {
        apply(durable[change.path], change, 0, change.bytes.size());
        continue;
      }
      for (size_t at = 0; at < change.bytes.size(); at += sector)
        if (chance() % 2) apply(durable[change.path], change, at, std::min(at + sector, change.bytes.size()));
    }
    pending.clear();
  }
} disk;

sqlite3_vfs* below = nullptr;

struct File {
  sqlite3_file base;
  sqlite3_file* real;
  std::string* path;
};
File* of(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
const sqlite3_io_methods* methods(sqlite3_file* file) {
  return of(file)->real->pMethods;
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (!disk.tick()) return SQLITE_IOERR_WRITE;
  disk.pending.push_back(
      {*of(file)->path, offset, std::string(static_cast<const char*>(data), static_cast<size_t>(size))});
  return methods(file)->xWrite(of(file)->real, data, size, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (!disk.tick()) return SQLITE_IOERR_TRUNCATE;
  disk.pending.push_back({*of(file)->path, size, {}, true});
  return methods(file)->xTruncate(of(file)->real, size);
}
int sync(sqlite3_file* file, int) {
  if (!disk.tick()) return SQLITE_IOERR_FSYNC;
  disk.sync(*of(file)->path);
  return SQLITE_OK;
}
int close(sqlite3_file* file) {
  const int result = of(file)->real->pMethods ? methods(file)->xClose(of(file)->real) : SQLITE_OK;
  delete of(file)->path;
  return result;
}
int read(sqlite3_file* f, void* d, int n, sqlite3_int64 o) {
  return methods(f)->xRead(of(f)->real, d, n, o);
}
int fileSize(sqlite3_file* f, sqlite3_int64* n) {
  return methods(f)->xFileSize(of(f)->real, n);
}
int lock(sqlite3_file* f, int l) {
  return methods(f)->xLock(of(f)->real, l);
}
int unlock(sqlite3_file* f, int l) {
  return methods(f)->xUnlock(of(f)->real, l);
}
int checkLock(sqlite3_file* f, int* o) {
  return methods(f)->xCheckReservedLock(of(f)->real, o);
}
int control(sqlite3_file* f, int op, void* a) {
  return op == SQLITE_FCNTL_SIZE_HINT ? SQLITE_OK : methods(f)->xFileControl(of(f)->real, op, a);
}
int sectorSize(sqlite3_file* f) {
  return methods(f)->xSectorSize(of(f)->real);
}
int characteristics(sqlite3_file*) {
  return 0;
} // promises nothing: no safe append, no atomic write
int shmMap(sqlite3_file* f, int p, int n, int e, void volatile** out) {
  return methods(f)->xShmMap(of(f)->real, p, n, e, out);
}
int shmLock(sqlite3_file* f, int o, int n, int flags) {
  return methods(f)->xShmLock(of(f)->real, o, n, flags);
}
void shmBarrier(sqlite3_file* f) {
  methods(f)->xShmBarrier(of(f)->real);
}
int shmUnmap(sqlite3_file* f, int d) {
  return methods(f)->xShmUnmap(of(f)->real, d);
}

const sqlite3_io_methods through = {
    2,        close,     read,    write,      truncate,        sync,   fileSize, lock,
    unlock,   checkLock, control, sectorSize, characteristics, shmMap, shmLock,  shmBarrier,
    shmUnmap, nullptr,   nullptr};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* outFlags) {
  of(file)->real = reinterpret_cast<sqlite3_file*>(of(file) + 1);
  of(file)->real->pMethods = nullptr;
  const int result = below->xOpen(below, name, of(file)->real, flags, outFlags);
  of(file)->base.pMethods = result == SQLITE_OK ? &through : nullptr;
  of(file)->path = result == SQLITE_OK ? new std::string(name ? name : "") : nullptr;
  return result;
}
int remove(sqlite3_vfs*, const char* name, int syncFolder) {
  if (!disk.tick()) return SQLITE_IOERR_DELETE;
  disk.durable.erase(name);
  std::erase_if(disk.pending, [&](const Change& change) { return change.path == name; });
  return below->xDelete(below, name, syncFolder);
}

/// One run: commits until the power goes, then a daemon's start on what is left. False: something is lost.
bool run(const std::string& folder, uint64_t seed, int commits, sqlite3_vfs* shim) {
  std::mt19937_64 chance(seed);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/left");
  std::filesystem::permissions(folder + "/left", std::filesystem::perms::owner_all);
  disk = Disk();
  std::set<std::string> acknowledged;
  sqlite3_vfs_register(shim, 1);
  {
    auto store = store::Store::open(folder + "/cache");
    if (!store) return std::fprintf(stderr, "%s\n", store.error().text().c_str()), false;
    disk.untilLoss = static_cast<long>(chance() % static_cast<uint64_t>(commits * 3));
    for (int i = 0; i < commits; ++i) {
      store::JobRecord job;
      job.id = "job" + std::to_string(i);
      job.state = "queued";
      job.request = std::string(1 + chance() % 6000, 'x');
      if ((*store)->putJob(job)) acknowledged.insert(job.id);
    }
    disk.lost = true; // the end of the run writes nothing, either
  }
  sqlite3_vfs_register(below, 1);
  disk.lose(chance);
  for (const auto& [path, bytes] : disk.durable)
    std::ofstream(folder + "/left/" + std::filesystem::path(path).filename().string(), std::ios::binary)
        << bytes;
  auto store = store::Store::open(folder + "/left");
  if (!store) return std::fprintf(stderr, "seed %lu: %s\n", seed, store.error().text().c_str()), false;
  for (const std::string& notice : (*store)->notices())
    return std::fprintf(stderr, "seed %lu: %s\n", seed, notice.c_str()), false;
  auto jobs = (*store)->unfinishedJobs();
  if (!jobs) return std::fprintf(stderr, "seed %lu: %s\n", seed, jobs.error().text().c_str()), false;
  for (const store::JobRecord& job : *jobs)
    acknowledged.erase(job.id);
  if (!acknowledged.empty())
    std::fprintf(stderr, "seed %lu: %zu acknowledged commits are lost\n", seed, acknowledged.size());
  return acknowledged.empty();
}

} // namespace

int main(int argc, char** argv) {
  const int commits = argc > 1 ? std::atoi(argv[1]) : 200, seeds = argc > 2 ? std::atoi(argv[2]) : 20;
  below = sqlite3_vfs_find(nullptr);
  sqlite3_vfs shim = *below;
  shim.zName = "power";
  shim.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
  shim.xOpen = open;
  shim.xDelete = remove;
  std::string folder = (std::filesystem::temp_directory_path() / "tuned-power-XXXXXX").string();
  if (!::mkdtemp(folder.data())) return 1;
  const auto start = std::chrono::steady_clock::now();
  int failures = 0, done = 0;
  for (const double limit = argc > 3 ? std::atof(argv[3]) : 1e9; done < seeds; ++done) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (taken.count() > limit) break;
    std::fprintf(stderr, "power: %d of %d seeds, %d failures, %.0f s\n", done, seeds, failures,
                 taken.count());
    failures += !run(folder, static_cast<uint64_t>(done) + 1, commits, &shim);
  }
  std::filesystem::remove_all(folder);
  std::printf("power: %s; commits %d, seeds %d of %d, lost or corrupt %d\n", failures ? "FAILURES" : "held",
              commits, done, seeds, failures);
  return failures ? 1 : 0;
}
