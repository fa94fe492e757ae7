// The cache on disk: one SQLite file, one connection, opened by the daemon alone. Every call is durable when
// it returns (WAL, synchronous=FULL). Calls are safe from any thread and wait for each other; they may take
// as long as an fsync, so the event loop makes none of them.
#pragma once

#include "base/error.h"
#include "daemon/store/folder.h"
#include "daemon/store/records.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tuned::store {

class Database;

class Store {
public:
  /// Opens `folder`/tuned.db, creating both. A damaged file is renamed tuned.db.corrupt-<time> and replaced;
  /// notices() says so. Unavailable: another daemon has the folder. Unsupported: a newer schema (the file is
  /// left untouched) or a network file system. Denied: read-only. OutOfResources: the disk is full.
  static Result<std::unique_ptr<Store>> open(const std::string& folder);
  ~Store();

  const std::string& path() const { return path_; }
  /// What an operator should know: files set aside, artefacts dropped.
  std::vector<std::string> notices() const;

  /// A document under an id that is known replaces the older one (its space may have grown).
  Result<void> putKernel(const KernelRecord& kernel);
  Result<KernelRecord> kernel(const std::string& idOrName);
  Result<std::vector<KernelRecord>> kernels();
  Result<void> putTarget(const TargetRecord& target);

  /// Keeps a trial; kernel and target must have been put. Gives its number.
  Result<int64_t> addTrial(const ProblemKey& problem, const TrialRecord& trial);
  /// The last trial of each configuration of the problem.
  Result<std::vector<TrialRecord>> trials(const ProblemKey& problem);
  /// Newest first; empty filters match all. At most `limit`.
  Result<std::vector<TrialRow>> listTrials(const std::string& kernel, const std::string& device,
                                           int64_t limit);

  /// Why no variant of the problem works; empty: not known to fail.
  Result<std::string> failure(const ProblemKey& problem);
  Result<void> setFailure(const ProblemKey& problem, const std::string& reason);

  /// Winner and artefact in one transaction; `configuration` must have a trial. Clears the problem's failure.
  Result<void> putWinner(const ProblemKey& problem, const std::string& configuration, const std::string& body,
                         const ArtefactRecord& artefact);
  /// NotFound when there is none, or when the stored one does not match its checksum (it is dropped and
  /// noticed).
  Result<WinnerRecord> winner(const ProblemKey& problem);
  /// The newest winner of the same kernel and sizes on the same hardware under another driver or compiler.
  Result<WinnerRecord> staleWinner(const ProblemKey& problem, const std::string& hardware);
  /// Newest first; empty filters match all.
  Result<std::vector<WinnerRecord>> winners(const std::string& kernel, const std::string& device);
  /// Checked against `sha`. One that does not match is dropped with its winners, noticed, and NotFound.
  Result<ArtefactRecord> artefact(const std::string& sha);

  Result<void> putJob(const JobRecord& job);
  Result<void> setJob(const std::string& id, const std::string& state, const std::string& outcome);
  /// Jobs that a daemon acknowledged and did not finish, oldest first.
  Result<std::vector<JobRecord>> unfinishedJobs();

  Result<Counts> counts();
  /// Folds the log into the file: for a clean end.
  Result<void> checkpoint();

private:
  Store(FileLock lock, std::string path);
  template <typename Work> auto attempt(Work&& work) -> Result<decltype(work())>;
  int64_t problemId(const ProblemKey& problem);
  void notice(const std::string& text);

  FileLock lock_;
  std::string path_;
  mutable std::mutex mutex_; ///< guards all below
  std::unique_ptr<Database> database_;
  std::vector<std::string> notices_;
};

} // namespace tuned::store
