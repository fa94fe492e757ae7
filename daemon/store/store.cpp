#include "daemon/store/store.h"

#include "daemon/store/attempt.h"
#include "daemon/store/open.h"

namespace tuned::store {

Store::Store(FileLock lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& folder) {
  if (auto ready = prepareFolder(folder); !ready) return fail(ready.error());
  auto lock = FileLock::take(folder + "/lock", "the cache " + folder);
  if (!lock) return fail(lock.error());
  std::unique_ptr<Store> store(new Store(std::move(*lock), folder + "/tuned.db"));
  for (bool again = false;; again = true) {
    try {
      store->database_ = openChecked(store->path_);
      return store;
    } catch (const DatabaseError& error) {
      if (!error.corrupt || again) return fail(error.error);
      auto aside = setAside(store->path_);
      if (!aside) return fail(aside.error());
      store->notice(error.error.message + "; it was set aside as " + *aside + " and a new cache begun");
    }
  }
}

void Store::notice(const std::string& text) {
  notices_.push_back(text);
}

std::vector<std::string> Store::notices() const {
  std::lock_guard guard(mutex_);
  return notices_;
}

Result<void> Store::putKernel(const KernelRecord& kernel) {
  return attempt([&] {
    Statement(*database_, "INSERT INTO kernels(id, name, document, created) VALUES(?, ?, ?, ?) "
                          "ON CONFLICT(id) DO UPDATE SET name = excluded.name, document = excluded.document, "
                          "created = excluded.created")
        .bind(kernel.id)
        .bind(kernel.name)
        .bind(kernel.document)
        .bind(now())
        .run();
  });
}

Result<KernelRecord> Store::kernel(const std::string& idOrName) {
  auto found = attempt([&] {
    Statement row(*database_, "SELECT id, name, document FROM kernels WHERE id = ?1 OR name = ?1 "
                              "ORDER BY id = ?1 DESC, created DESC LIMIT 1");
    row.bind(idOrName);
    return row.step() ? KernelRecord{row.text(0), row.text(1), row.text(2)} : KernelRecord{};
  });
  if (found && found->id.empty())
    return fail(ErrorKind::NotFound, "no kernel '" + idOrName + "' was submitted",
                "submit its document first");
  return found;
}

Result<std::vector<KernelRecord>> Store::kernels() {
  return attempt([&] {
    std::vector<KernelRecord> out;
    Statement row(*database_, "SELECT id, name, document FROM kernels ORDER BY name, created");
    while (row.step())
      out.push_back({row.text(0), row.text(1), row.text(2)});
    return out;
  });
}

Result<void> Store::putTarget(const TargetRecord& target) {
  return attempt([&] {
    Statement(*database_, "INSERT INTO targets(id, hardware, device, description) VALUES(?, ?, ?, ?) "
                          "ON CONFLICT(id) DO NOTHING")
        .bind(target.id)
        .bind(target.hardware)
        .bind(target.device)
        .bind(target.description)
        .run();
  });
}

int64_t Store::problemId(const ProblemKey& problem) {
  Statement(*database_, "INSERT INTO problems(kernel, sizes, target) VALUES(?, ?, ?) "
                        "ON CONFLICT(kernel, sizes, target) DO NOTHING")
      .bind(problem.kernel)
      .bind(problem.sizes)
      .bind(problem.target)
      .run();
  Statement row(*database_, "SELECT id FROM problems WHERE kernel = ? AND sizes = ? AND target = ?");
  row.bind(problem.kernel).bind(problem.sizes).bind(problem.target);
  row.step();
  return row.number(0);
}

Result<std::string> Store::failure(const ProblemKey& problem) {
  return attempt([&] {
    Statement row(*database_, "SELECT failure FROM problems WHERE kernel = ? AND sizes = ? AND target = ?");
    row.bind(problem.kernel).bind(problem.sizes).bind(problem.target);
    return row.step() ? row.text(0) : std::string();
  });
}

Result<void> Store::setFailure(const ProblemKey& problem, const std::string& reason) {
  return attempt([&] {
    Transaction transaction(*database_);
    Statement(*database_, "UPDATE problems SET failure = ? WHERE id = ?")
        .bind(reason)
        .bind(problemId(problem))
        .run();
    transaction.commit();
  });
}

Result<void> Store::putJob(const JobRecord& job) {
  return attempt([&] {
    Statement(*database_, "INSERT INTO jobs(id, state, request, outcome, created) VALUES(?, ?, ?, ?, ?)")
        .bind(job.id)
        .bind(job.state)
        .bind(job.request)
        .bind(job.outcome)
        .bind(now())
        .run();
  });
}

Result<void> Store::setJob(const std::string& id, const std::string& state, const std::string& outcome) {
  return attempt([&] {
    Statement(*database_, "UPDATE jobs SET state = ?, outcome = ? WHERE id = ?")
        .bind(state)
        .bind(outcome)
        .bind(id)
        .run();
  });
}

Result<std::vector<JobRecord>> Store::unfinishedJobs() {
  return attempt([&] {
    std::vector<JobRecord> out;
    Statement row(*database_, "SELECT id, state, request, outcome, created FROM jobs "
                              "WHERE state IN ('queued', 'running') ORDER BY created, id");
    while (row.step())
      out.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.real(4)});
    return out;
  });
}

Result<Counts> Store::counts() {
  return attempt([&] {
    return Counts{
        database_->number("SELECT count(*) FROM kernels"), database_->number("SELECT count(*) FROM trials"),
        database_->number("SELECT count(*) FROM winners"),
        database_->number("SELECT count(*) FROM artefacts"),
        database_->number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")};
  });
}

Result<void> Store::checkpoint() {
  return attempt([&] { database_->run("PRAGMA wal_checkpoint(TRUNCATE)"); });
}

} // namespace tuned::store
