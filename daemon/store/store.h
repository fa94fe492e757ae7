// The cache on disk: one SQLite file, one connection, opened by the daemon alone. Every call is durable when
// it returns (WAL, synchronous=FULL). Calls are safe from any thread and wait for each other; they may take
// as long as an fsync, so the event loop makes none of them.
//
// What is read is checked: a row that does not match its checksum is dropped, said in notices(), and as good
// as never there. A call that finds the file itself damaged first moves what can be read into a new one.
#pragma once

#include "base/error.h"
#include "daemon/store/file/aside.h"
#include "daemon/store/file/folder.h"
#include "daemon/store/records.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace SQLite {
class Statement;
} // namespace SQLite

namespace tuned::store {

class Database;
struct DatabaseError;

class Store {
public:
  /// Opens `folder`/tuned.db, creating both. A damaged file is renamed tuned.db.corrupt-<time>, and what can
  /// be read of it is saved into a new one; notices() says what was lost. A few of those are kept. A folder
  /// or file that this user may not write is opened read-only when there is a cache in it. Unavailable:
  /// another daemon has the folder. Unsupported: a newer schema (the file is left untouched) or a network
  /// file system. Denied: cannot be written, and there is nothing to read. OutOfResources: the disk is full.
  static Result<std::unique_ptr<Store>> open(const std::string& folder);
  ~Store();

  const std::string& path() const { return path_; }
  /// Calls that write are Denied.
  bool readOnly() const { return readOnly_; }
  /// What an operator should know: files set aside, rows lost, artefacts dropped.
  std::vector<std::string> notices() const;
  /// Is told each notice from now on as it comes, under the store's lock: it must not call the store. Before
  /// other threads use the store.
  void listen(std::function<void(const std::string&)> listener) { listener_ = std::move(listener); }
  /// Says so when the file was removed or replaced since it was opened: what is written now is lost with it.
  /// Costs one system call, and waits for no other call.
  std::optional<std::string> displaced() const;

  /// Runs `work`, whose calls of this store become one transaction: all of them or, when it gives an error,
  /// none. Other threads wait meanwhile. Where damage was found it is run a second time, from the start.
  Result<void> batch(const std::function<Result<void>()>& work);

  // --- documents (documents.cpp) ---
  /// Keeps the text and gives it the record's name for the record's owner. What is known already, name and
  /// all, is not written again.
  Result<void> putDocument(const DocumentRecord& document);
  /// By SHA-256 of the text, by kernel id, or by name. For ids and names the owner's own last document counts
  /// first, then that of whoever gave the name first.
  Result<DocumentRecord> document(const std::string& shaOrIdOrName, const std::string& owner = {});
  /// Each name with its document, by name.
  Result<std::vector<DocumentRecord>> documents();
  /// Documents by name and hash, each once however many gave it, their owners left out: those behind a place
  /// (none: from the first), at most `limit`, and of more than one at most `bytes` of text.
  Result<DocumentPage> documentPage(const DocumentPage::Place& behind, int64_t limit, int64_t bytes);
  /// What the names of one owner stand for.
  Result<Held> held(const std::string& owner);
  /// Of the document that this owner's name stands for; 0: there is none.
  Result<int64_t> bytesNamed(const std::string& name, const std::string& owner);

  Result<void> putTarget(const TargetRecord& target);
  Result<std::vector<TargetRecord>> targets();

  // --- builds (builds.cpp) ---
  /// Keeps a build, with its binary when it has one; the row that is there is replaced. Gives its number.
  Result<int64_t> putBuild(const BuildKey& key, const Build& build, std::string_view binary = {});
  /// NotFound: never built, or damaged. A failure is a build, too. Its artefact may have been collected.
  Result<BuildRecord> build(const BuildKey& key);
  Result<BuildRecord> build(int64_t id);
  /// What our own compilers made of a problem, without its body where it was built: for asking of many at a
  /// time whether they are there.
  struct Made {
    bool built = false, binary = false; ///< binary: it is here
    Build failure;                      ///< where it was not built
  };
  /// By configuration. Rows that do not match their checksums are dropped.
  Result<std::map<std::string, Made>> made(const std::string& kernel, const std::string& sizes,
                                           const std::string& toolchain);
  /// Builds of the problem that other compilers made.
  Result<std::vector<BuildRecord>> foreignBuilds(const std::string& kernel, const std::string& sizes);
  /// How many there are, without the one of this key.
  Result<int64_t> foreignBuildsBeside(const BuildKey& key);
  /// Problems, in the order of their numbers from the one behind `after` on, at most `limit`: those with
  /// builds of our own compilers for `architecture` (by whatever assembler) whose binaries are here, and
  /// nothing measured of them on `target`.
  struct Unmeasured {
    int64_t number = 0;
    std::string kernel, sizes;
  };
  Result<std::vector<Unmeasured>> unmeasured(const std::string& architecture, const std::string& target,
                                             int64_t after, int64_t limit);
  /// Builds of our own compilers that load where `architecture` does, one a configuration: that of
  /// `toolchain` where there is one, else the newest. Their binaries are here.
  Result<std::vector<BuildRecord>> loadable(const std::string& kernel, const std::string& sizes,
                                            const std::string& architecture, const std::string& toolchain);
  /// Checked against `sha`. One that does not match is dropped, noticed, and NotFound.
  Result<ArtefactRecord> artefact(const std::string& sha);
  /// Whether it is there; its bytes are not looked at.
  Result<bool> hasArtefact(const std::string& sha);
  /// Every sound build in the order of their numbers; an error of `visit` ends it and is given back.
  Result<void> eachBuild(const Filter& filter, const std::function<Result<void>(const BuildRecord&)>& visit);

  // --- measurements (measurements.cpp) ---
  /// Keeps one; build.id must be a build's number and the target must have been put. It stands for its build
  /// from now on, in place of what did, unless it is history from the start. Gives its number.
  Result<int64_t> addMeasurement(const MeasurementRecord& measurement);
  /// Whether this very one is kept: of its build, target, policy and time, made here or from its source.
  Result<bool> hasMeasurement(const MeasurementRecord& measurement);
  /// The one that stands for each build of the problem, oldest first.
  Result<std::vector<MeasurementRecord>> standing(const ProblemKey& problem, double since = 0);
  /// The newest that stands for a configuration built by our own compilers, measured that way. NotFound.
  Result<MeasurementRecord> standingOf(const ProblemKey& problem, const std::string& configuration,
                                       const std::string& policy = byTime);
  /// Newest first, history too; at most `limit`, those before the number `before` (0: from the newest).
  Result<MeasurementPage> measurements(const Filter& filter, int64_t limit, int64_t before = 0);
  Result<void> eachMeasurement(const Filter& filter,
                               const std::function<Result<void>(const MeasurementRecord&)>& visit);
  /// What was measured that way before `before` (Unix time) stands for nothing any more. Gives how many.
  Result<int64_t> retire(const ProblemKey& problem, double before, const std::string& policy = byTime);

  // --- the choice (choice.cpp) ---
  /// Whether a candidate answers the question.
  using Fits = std::function<bool(const MeasurementRecord&)>;
  /// The best standing measurement that fits: finalists of the newest search before others, then the fastest.
  /// NotFound: none.
  Result<MeasurementRecord> choose(const ProblemKey& problem, const Fits& fits);
  /// The same of the same kernel and sizes on the same hardware under another driver or compiler.
  Result<MeasurementRecord> chooseStale(const ProblemKey& problem, const std::string& hardware,
                                        const Fits& fits);
  /// The best of each of the `limit` nearest problems of the kernel on the same target, the nearest first
  /// (distanceOf). Looked for among the `limit` on either side by the product of the sizes: the nearest is
  /// there unless others with the same product crowd it out.
  Result<std::vector<MeasurementRecord>> near(const ProblemKey& problem, int64_t limit = 8);
  /// Problems with a standing candidate, the newest first and at most `limit`; those behind a place
  /// that an earlier page gave as its next.
  Result<DecidedPage> decided(const Filter& filter, int64_t limit, const DecidedPage::Place& behind = {});

  // --- searches (searches.cpp) ---
  /// Begins one: gives its number.
  Result<int64_t> beginSearch(const SearchRecord& search);
  /// Keeps how it ended; ended is set by the store.
  Result<void> endSearch(const SearchRecord& search);
  /// The last that ended; any question when `question` is empty. NotFound.
  Result<SearchRecord> lastSearch(const ProblemKey& problem, const std::string& question = {});

  Result<void> putJob(const JobRecord& job);
  Result<void> setJob(const std::string& id, const std::string& state, const std::string& outcome);
  /// Jobs that a daemon acknowledged and did not finish, oldest first.
  Result<std::vector<JobRecord>> unfinishedJobs();

  // --- cleaning (collect.cpp) ---
  /// Drops what is known of the matching problems: measurements and searches; of a kernel named alone also
  /// its documents, names and builds. `ending`: as of collect().
  Result<Removed> forget(const Filter& filter, const std::function<bool()>& ending = {});
  /// Drops binaries, oldest first, that no search has found among the best: those put before `before` (Unix
  /// time), and then as many as keep all together within `bytes`. Builds stay known. Binaries of other
  /// compilers (collectForeign) and of builds not measured yet go only by age. `ending`, asked now and then,
  /// breaks it off: Unavailable, and what went by then stays gone.
  Result<Removed> collect(int64_t bytes, double before, const std::function<bool()>& ending = {});
  /// Binaries of other compilers, the oldest first, until all of them together are within `bytes`; finalists
  /// that stand stay. What has no measurement goes with its binary. One counts as 16 KiB at least, for its
  /// row.
  Result<Removed> collectForeign(int64_t bytes, const std::function<bool()>& ending = {});
  /// Drops what no answer rests on: measurements that are not a winner's or its rivals', searches that later
  /// ones followed, builds left without a measurement, finished jobs. First what is older than `before` (Unix
  /// time), then the oldest of measurements, and of jobs, until there are `rows` of each (history.cpp).
  /// `ending` as above.
  Result<Removed> collectHistory(int64_t rows, double before, const std::function<bool()>& ending = {});

  Result<Counts> counts();
  /// Folds the log into the file: for a clean end.
  Result<void> checkpoint();

private:
  Store(std::optional<FileLock> lock, std::string path);
  template <typename Work> auto attempt(Work&& work) -> Result<decltype(work())>;
  template <typename Work> auto change(Work&& work) -> Result<decltype(work())>;
  Result<MeasurementRecord> firstFit(SQLite::Statement& row, const Fits& fits, const char* none);
  void dropMeasurement(int64_t id, const std::string& what);
  void dropBuild(int64_t id, const std::string& what);
  void notice(const std::string& text);
  void noticeNew(const std::vector<std::string>& texts);
  bool mayHeal();
  void rememberFile();
  class Replacing;
  void reopen();
  bool heal(const DatabaseError& error);

  std::optional<FileLock> lock_;
  std::string path_;
  bool readOnly_ = false;
  mutable std::mutex fileMutex_;       ///< guards the next three; nobody holds it for long
  uint64_t device_ = 0, inode_ = 0;    ///< of the file as it was opened
  bool replacing_ = false;             ///< we are putting another in its place
  mutable std::recursive_mutex mutex_; ///< guards all below
  int depth_ = 0;                      ///< calls within calls
  std::unique_ptr<Database> database_; ///< null after it could not be healed
  std::chrono::steady_clock::time_point nextTry_;
  HealLimit heals_;
  std::vector<std::string> notices_;
  std::function<void(const std::string&)> listener_;
};

} // namespace tuned::store
