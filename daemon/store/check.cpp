#include "daemon/store/check.h"

#include "daemon/store/attempt.h"

#include <algorithm>

namespace tuned::store {

namespace {
class Check {
public:
  Check(Store& store, const std::function<bool()>& ending) : store_(store), ending_(ending) {}

  Result<CacheCheck> run(const std::function<std::string(const std::string&)>& idOf) {
    const auto before = store_.notices();
    auto walked = store_.eachBuild({}, [this](const BuildRecord& record) { return build(record); });
    if (walked)
      walked = store_.eachMeasurement({}, [this](const MeasurementRecord&) {
        ++out_.measurements;
        return goOn();
      });
    if (!walked) return fail(walked.error());
    auto documents = store_.documents();
    if (!documents) return fail(documents.error());
    for (const std::string& notice : store_.notices())
      if (std::ranges::find(before, notice) == before.end()) out_.notices.push_back(notice);
    for (const DocumentRecord& document : *documents)
      if (idOf(document.text) != document.kernel)
        out_.notices.push_back("the document of '" + document.name + "' is not what its id says");
    out_.sound = out_.notices.empty();
    return std::move(out_);
  }

private:
  Result<void> goOn() const { return store::goOn(ending_, "the check of the cache"); }

  Result<void> build(const BuildRecord& record) {
    ++out_.builds;
    if (record.build.built()) {
      auto artefact = store_.artefact(record.build.artefact);
      if (!artefact && artefact.error().kind != ErrorKind::NotFound) return fail(artefact.error());
      ++(artefact ? out_.binaries : out_.binariesCollected);
    }
    return goOn();
  }

  Store& store_;
  const std::function<bool()>& ending_;
  CacheCheck out_;
};
} // namespace

Result<CacheCheck> check(Store& store, const std::function<std::string(const std::string&)>& idOf,
                         const std::function<bool()>& ending) {
  return Check(store, ending).run(idOf);
}

} // namespace tuned::store
