#include "daemon/bundle/exchange.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace tuned::bundle {
namespace {

bool wanted(const std::vector<std::string>& list, const std::string& one) {
  return list.empty() || std::ranges::find(list, one) != list.end();
}

/// Gathers what a walk through the store finds.
class Gatherer {
public:
  Gatherer(store::Store& store, const ExportRequest& request) : store_(store), request_(request) {}

  Result<void> gather(const store::Filter& filter) {
    auto builds =
        store_.eachBuild(filter, [this](const store::BuildRecord& record) { return build(record); });
    if (!builds) return builds;
    auto measured = store_.eachMeasurement(
        filter, [this](const store::MeasurementRecord& record) { return measurement(record); });
    if (!measured) return measured;
    return {};
  }

  /// Hands over what was gathered, with its serial.
  template <typename Give> Result<ExportReport> give(const Give& give) {
    for (const std::string& kernel : kernels_) {
      auto document = store_.document(kernel);
      if (!document) return fail(document.error());
      writer_.add(Kernel{kernel, document->name, document->text});
    }
    auto targets = store_.targets();
    if (!targets) return fail(targets.error());
    for (const store::TargetRecord& target : *targets)
      if (targets_.contains(target.id))
        writer_.add(Target{target.id, target.hardware, target.device, target.description});
    report_.kernels = static_cast<int64_t>(kernels_.size());
    report_.artefacts = static_cast<int64_t>(artefacts_.size());
    report_.serial = static_cast<int64_t>(std::llround(newest_ * 1000));
    if (report_.builds == 0)
      return fail(ErrorKind::NotFound, "the cache has no build to export", "`tunectl prewarm` makes some");
    if (auto given = give(writer_, report_.serial); !given) return fail(given.error());
    return report_;
  }

private:
  Result<void> goOn() const {
    if (!request_.ending || !request_.ending()) return {};
    return fail(ErrorKind::Unavailable, "the export was broken off: the daemon is stopping",
                "ask again when it is back");
  }

  Result<void> build(const store::BuildRecord& record) {
    if (auto on = goOn(); !on) return on;
    if (!record.build.target.empty() && !wanted(request_.targets, record.build.target)) return {};
    if (record.build.built()) {
      if (!artefacts_.contains(record.build.artefact)) {
        auto artefact = store_.artefact(record.build.artefact);
        if (!artefact && artefact.error().kind == ErrorKind::NotFound) return {}; // collected
        if (!artefact) return fail(artefact.error());
        artefacts_.insert(record.build.artefact);
        bytes_ += static_cast<int64_t>(artefact->bytes.size());
        if (bytes_ > request_.most)
          return fail(ErrorKind::OutOfResources,
                      "the binaries take more than " + std::to_string(request_.most) + " bytes",
                      "export less: name kernels or targets; or stop the daemon and export with --cache");
        writer_.addBinary({artefact->sha, artefact->format, artefact->target, 0}, std::move(artefact->bytes));
      }
    }
    writer_.add(BuildEntry{record.key, record.build});
    builds_.insert(record.id);
    kernels_.insert(record.key.kernel);
    newest_ = std::max(newest_, record.created);
    ++report_.builds;
    return {};
  }

  /// Those that stand for a build of the bundle, and were made by whoever exports.
  Result<void> measurement(const store::MeasurementRecord& record) {
    if (auto on = goOn(); !on) return on;
    if (record.history || !record.source.empty() || !builds_.contains(record.build.id)) return {};
    writer_.add(MeasurementEntry{record.build.key, record.target, record.policy, record.finalist,
                                 record.created, record.measurement});
    targets_.insert(record.target);
    newest_ = std::max(newest_, record.created);
    ++report_.measurements;
    return {};
  }

  store::Store& store_;
  const ExportRequest& request_;
  Writer writer_;
  ExportReport report_;
  std::set<int64_t> builds_;
  std::set<std::string> kernels_, targets_, artefacts_;
  int64_t bytes_ = 0;
  double newest_ = 0;
};

Result<void> gatherAll(Gatherer& gatherer, store::Store& store, const ExportRequest& request) {
  std::vector<std::string> kernels = request.kernels;
  if (kernels.empty()) kernels.emplace_back();
  for (const std::string& kernel : kernels) {
    store::Filter filter;
    if (!kernel.empty()) {
      auto document = store.document(kernel);
      if (!document) return fail(document.error());
      filter.kernel = document->kernel;
    }
    if (auto gathered = gatherer.gather(filter); !gathered) return gathered;
  }
  return {};
}

} // namespace

Result<ExportReport> exportBundle(store::Store& store, const std::string& path,
                                  const ExportRequest& request) {
  Gatherer gatherer(store, request);
  if (auto gathered = gatherAll(gatherer, store, request); !gathered) return fail(gathered.error());
  return gatherer.give(
      [&](const Writer& writer, int64_t serial) { return writer.write(path, serial, request.key); });
}

Result<std::string> exportBytes(store::Store& store, const ExportRequest& request) {
  Gatherer gatherer(store, request);
  if (auto gathered = gatherAll(gatherer, store, request); !gathered) return fail(gathered.error());
  std::string out;
  auto given = gatherer.give([&](const Writer& writer, int64_t serial) -> Result<void> {
    auto bytes = writer.bytes(serial, request.key);
    if (!bytes) return fail(bytes.error());
    out = std::move(*bytes);
    return {};
  });
  return given ? Result<std::string>(std::move(out)) : fail(given.error());
}

} // namespace tuned::bundle
