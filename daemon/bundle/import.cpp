#include "base/model/launch_check.h"
#include "base/sha256.h"
#include "daemon/bundle/exchange.h"
#include "daemon/bundle/history.h"
#include "daemon/service/answers/convert.h"
#include "ir/kernel/kernel.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

namespace tuned::bundle {
namespace {

/// Rows of one transaction.
constexpr int64_t slice = 256;

using Kernels = std::map<std::string, tuned::Kernel>;

std::unexpected<Error> refused(const std::string& what) {
  return fail(ErrorKind::InvalidInput, "the bundle's contents are wrong: " + what);
}

Result<void> checkKernel(const Kernel& entry, Kernels& kernels) {
  auto kernel = parseKernel(entry.document, "");
  if (!kernel) return refused("kernel " + entry.id.substr(0, 16) + ": " + kernel.error().text());
  if (kernel->id() != entry.id || kernel->name != entry.name)
    return refused("the document of kernel '" + kernel->name + "' is not what its id says");
  kernels.emplace(entry.id, std::move(*kernel));
  return {};
}

Result<void> checkBuild(const BuildEntry& entry, const Kernels& kernels, const Reader& reader) {
  auto kernel = kernels.find(entry.key.kernel);
  if (kernel == kernels.end()) return refused("a build of a kernel that is not in it");
  const std::string what =
      "a build of '" + kernel->second.name + "' for " + entry.key.sizes.substr(0, 200) + ": ";
  auto sizes = fromKey(entry.key.sizes), configuration = fromKey(entry.key.configuration);
  if (!sizes || !configuration || toKey(*sizes) != entry.key.sizes ||
      toKey(*configuration) != entry.key.configuration)
    return refused(what + "sizes or configuration are none");
  if (auto fits = checkSizes(kernel->second, *sizes); !fits) return refused(what + fits.error().message);
  if (!entry.build.built()) return {};
  auto binary = reader.artefacts().find(entry.build.artefact);
  if (binary == reader.artefacts().end()) return refused(what + "its binary is not in it");
  if (binary->second.first.format != entry.build.format)
    return refused(what + "its binary is of another format");
  if (auto sound = checkLaunchable(entry.build.launch); !sound)
    return refused(what + "launch." + sound.error().text());
  return {};
}

/// Puts one bundle into a store, in slices so that nobody else waits long.
class Importer {
public:
  Importer(store::Store& store, const Reader& reader, const ImportRequest& request)
      : store_(store), reader_(reader), request_(request),
        source_(reader.signer() ? text(*reader.signer()) : "unsigned") {}

  const std::string& source() const { return source_; }

  Result<ImportReport> run() {
    Visitor visitor;
    visitor.kernel = [this](const Kernel& entry) {
      return later([this, entry] { return putKernel(entry); });
    };
    visitor.target = [this](const Target& entry) {
      return later([this, entry] { return putTarget(entry); });
    };
    visitor.build = [this](const BuildEntry& entry) {
      return later([this, entry] { return putBuild(entry); });
    };
    visitor.measurement = [this](const MeasurementEntry& entry) {
      return later([this, entry] { return putMeasurement(entry); });
    };
    if (auto done = reader_.visit(visitor); !done) return fail(done.error());
    if (auto done = flush(); !done) return fail(done.error());
    return report_;
  }

private:
  Result<void> later(std::function<Result<void>()> work) {
    waiting_.push_back(std::move(work));
    return waiting_.size() < slice ? Result<void>() : flush();
  }

  Result<void> flush() {
    if (request_.ending && request_.ending())
      return fail(ErrorKind::Unavailable, "the import was broken off: the daemon is stopping",
                  "import it again when it is back; what came stays");
    auto done = store_.batch([this, before = report_]() -> Result<void> {
      report_ = before; // a batch may begin anew
      for (const auto& work : waiting_)
        if (auto ok = work(); !ok) return ok;
      return {};
    });
    waiting_.clear();
    return done;
  }

  Result<void> putKernel(const Kernel& entry) {
    ++report_.kernels;
    store::DocumentRecord record;
    record.sha = sha256(entry.document);
    record.kernel = entry.id;
    record.name = entry.name;
    record.owner = request_.owner;
    record.text = entry.document;
    return store_.putDocument(record);
  }

  Result<void> putTarget(const Target& entry) {
    targets_.insert(entry.id);
    return store_.putTarget({entry.id, entry.hardware, entry.device, entry.description, ""});
  }

  Result<void> putBuild(const BuildEntry& entry) {
    auto known = store_.build(entry.key);
    if (!known && known.error().kind != ErrorKind::NotFound) return fail(known.error());
    if (known && (known->build.built() || !entry.build.built())) {
      auto whole = known->build.built() ? store_.hasArtefact(known->build.artefact) : Result<bool>(true);
      if (!whole) return fail(whole.error());
      // One whose binary was collected since gets it back.
      if (*whole || known->build.artefact != entry.build.artefact) {
        ++report_.buildsKept;
        return {};
      }
    }
    std::string_view bytes;
    if (entry.build.built()) {
      auto binary = reader_.binary(entry.build.artefact);
      if (!binary) return fail(binary.error());
      bytes = *binary;
    }
    auto kept = store_.putBuild(entry.key, entry.build, bytes);
    if (!kept) return fail(kept.error());
    ++report_.builds;
    return {};
  }

  /// One of another card of the same kind is a hint until it is timed here: it stands for nothing. A source
  /// keeps a measurement from winning, so that one that is trusted has none.
  Result<void> putMeasurement(const MeasurementEntry& entry) {
    auto build = store_.build(entry.build);
    if (!build) return build.error().kind == ErrorKind::NotFound ? Result<void>() : fail(build.error());
    if (!targets_.contains(entry.target)) return refused("a measurement of a device that is not in it");
    auto standing =
        store_.standingOf({entry.build.kernel, entry.build.sizes, entry.target}, entry.build.configuration);
    bool local = standing && standing->source.empty();
    store::MeasurementRecord record;
    record.build.id = build->id;
    record.measurement = entry.measurement;
    record.target = entry.target;
    record.policy = entry.policy;
    if (!request_.trustMeasurements) record.source = source_;
    record.finalist = entry.finalist;
    record.history = local || !request_.trustMeasurements;
    record.created = entry.created;
    auto there = store_.hasMeasurement(record);
    if (!there) return fail(there.error());
    if (*there) return {}; // from this bundle or one before it
    auto kept = store_.addMeasurement(record);
    if (!kept) return fail(kept.error());
    ++(local ? report_.local : record.history ? report_.hints : report_.measurements);
    return {};
  }

  store::Store& store_;
  const Reader& reader_;
  const ImportRequest& request_;
  const std::string source_;
  ImportReport report_;
  std::set<std::string> targets_;
  std::vector<std::function<Result<void>()>> waiting_;
};

} // namespace

Result<void> checkTrust(const Reader& reader, const ImportRequest& request) {
  if (request.allowUntrusted) return {};
  if (!reader.signer())
    return fail(ErrorKind::Denied, "nobody signed the bundle",
                "sign it where it is made (export --key FILE), or take it as it is with --allow-untrusted");
  if (std::ranges::find(request.trusted, *reader.signer()) != request.trusted.end()) return {};
  return fail(ErrorKind::Denied,
              "the bundle is signed by " + text(*reader.signer()) + ", which is not trusted",
              "`tunectl key trust FILE.pub`, or --trust FILE.pub, or --allow-untrusted");
}

std::string inWords(const ImportReport& report) {
  if (report.known) return "it was imported before: nothing to do";
  return std::to_string(report.kernels) + " kernels, " + std::to_string(report.builds) + " new builds (" +
         std::to_string(report.buildsKept) + " were here), " + std::to_string(report.measurements) +
         " measurements, " + std::to_string(report.hints) + " hints, " + std::to_string(report.local) +
         " where one of our own stands";
}

nlohmann::json toJson(const ImportReport& report) {
  return {{"known", report.known},     {"kernels", report.kernels},
          {"builds", report.builds},   {"builds_kept", report.buildsKept},
          {"hints", report.hints},     {"measurements", report.measurements},
          {"local_kept", report.local}};
}

Result<void> checkContents(const Reader& reader) {
  Kernels kernels;
  Visitor visitor;
  visitor.kernel = [&](const Kernel& entry) { return checkKernel(entry, kernels); };
  visitor.build = [&](const BuildEntry& entry) { return checkBuild(entry, kernels, reader); };
  if (auto checked = reader.visit(visitor); !checked) return checked;
  for (const auto& [sha, artefact] : reader.artefacts())
    if (auto binary = reader.binary(sha); !binary) return fail(binary.error());
  return {};
}

Result<ImportReport> importBundle(store::Store& store, const Reader& reader, const ImportRequest& request) {
  if (auto trusted = checkTrust(reader, request); !trusted) return fail(trusted.error());
  Importer importer(store, reader, request);
  auto history =
      History::load((std::filesystem::path(store.path()).parent_path() / "imported.json").string());
  if (!history) return fail(history.error());
  const History::Entry last = history->last(importer.source());
  const bool again = last.hash == reader.hash();
  if (reader.serial() < last.serial && !request.allowOlder)
    return fail(ErrorKind::Denied,
                "the bundle is older (serial " + std::to_string(reader.serial()) +
                    ") than the last one of its signer (" + std::to_string(last.serial) + ")",
                "fetch the newest, or take this one with --allow-older");
  if (auto checked = checkContents(reader); !checked) return fail(checked.error());
  auto report = importer.run();
  if (!report) return report;
  // The same bundle may bring back what was forgotten or collected meanwhile, or be trusted with more.
  report->known = again && report->builds + report->measurements + report->hints + report->local == 0;
  if (auto kept =
          history->remember(importer.source(), {std::max(last.serial, reader.serial()), reader.hash()});
      !kept)
    return fail(kept.error());
  return report;
}

} // namespace tuned::bundle
