// tunectl export, import, show FILE and diff.
#include "base/clock.h"
#include "base/durable_file.h"
#include "base/positive_option.h"
#include "daemon/bundle/diff.h"
#include "daemon/bundle/exchange.h"
#include "daemon/offline/verbs.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

namespace tuned::offline {

namespace {

using nlohmann::json;

struct ExportOptions {
  std::string file, key, from;
  bundle::ExportRequest request;
};

void print(const Context& context, const ExportOptions& options, const bundle::ExportReport& made) {
  if (context.json)
    std::cout << json{{"file", options.file},
                      {"kernels", made.kernels},
                      {"builds", made.builds},
                      {"measurements", made.measurements},
                      {"binaries", made.artefacts},
                      {"serial", made.serial},
                      {"signer", options.request.key ? bundle::text(options.request.key->publicKey()) : ""}}
                     .dump(2)
              << "\n";
  else
    std::cout << options.file << ": " << made.kernels << " kernels, " << made.builds << " builds, "
              << made.measurements << " measurements, " << made.artefacts << " binaries"
              << (options.request.key ? ", signed" : ", not signed") << "\n";
}

/// What a daemon gave, signed here.
int passOn(const Context& context, const ExportOptions& options) {
  std::ifstream in(options.from, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  auto reader = bundle::Reader::parse(bytes);
  if (!reader) return report(context, reader.error());
  if (options.request.key) {
    auto made = bundle::signedBy(std::move(bytes), *options.request.key);
    if (!made) return report(context, made.error());
    bytes = std::move(*made);
  }
  if (auto written = replaceFile(options.file, bytes, 0644); !written)
    return report(context, written.error());
  print(context, options,
        {reader->kernels(), reader->builds(), reader->measurements(),
         static_cast<int64_t>(reader->artefacts().size()), reader->serial()});
  return done;
}

int exportTo(const Context& context, ExportOptions options) {
  if (!options.key.empty()) {
    auto key = bundle::SigningKey::load(options.key);
    if (!key) return report(context, key.error());
    options.request.key = *key;
  }
  if (!options.from.empty()) return passOn(context, options);
  auto store = openCache(context, true);
  if (!store) return report(context, store.error());
  auto made = bundle::exportBundle(**store, options.file, options.request);
  if (!made) return report(context, made.error());
  print(context, options, *made);
  return done;
}

struct ImportOptions {
  std::string file;
  std::vector<std::string> trusted;
  bool check = false;
  bundle::ImportRequest request;
};

int importFrom(const Context& context, ImportOptions options) {
  auto start = std::chrono::steady_clock::now();
  std::vector<std::string> trusted = bundle::trustFolders();
  trusted.insert(trusted.end(), options.trusted.begin(), options.trusted.end());
  auto keys = bundle::loadTrusted(trusted);
  if (!keys) return report(context, keys.error());
  options.request.trusted = std::move(*keys);
  auto reader = bundle::Reader::open(options.file);
  if (!reader) return report(context, reader.error());
  if (options.check) {
    if (auto trusted = bundle::checkTrust(*reader, options.request); !trusted)
      return report(context, trusted.error());
    auto sound = bundle::checkContents(*reader);
    return sound ? done : report(context, sound.error());
  }
  auto store = openCache(context, false);
  if (!store) return report(context, store.error());
  auto made = bundle::importBundle(**store, *reader, options.request);
  if (!made) return report(context, made.error());
  const double seconds = secondsSince(start);
  if (context.json) {
    json out = bundle::toJson(*made);
    out["seconds"] = seconds;
    std::cout << out.dump(2) << "\n";
  } else {
    std::cout << options.file << ": " << bundle::inWords(*made) << "; " << seconds << " s\n";
  }
  return done;
}

int show(const Context& context, const std::string& file) {
  auto reader = bundle::Reader::open(file);
  if (!reader) return report(context, reader.error());
  json kernels = json::array();
  std::map<std::string, size_t> places;
  std::set<std::string> targets;
  int64_t failedBuilds = 0;
  bundle::Visitor visitor;
  visitor.kernel = [&](const bundle::Kernel& entry) -> Result<void> {
    places[entry.id] = kernels.size();
    kernels.push_back({{"name", entry.name}, {"id", entry.id}, {"builds", 0}, {"measurements", 0}});
    return {};
  };
  auto count = [&](const std::string& id, const char* what) {
    if (auto place = places.find(id); place != places.end())
      kernels[place->second][what] = kernels[place->second][what].get<int64_t>() + 1;
  };
  visitor.build = [&](const bundle::BuildEntry& entry) -> Result<void> {
    count(entry.key.kernel, "builds");
    if (!entry.build.target.empty()) targets.insert(entry.build.target);
    failedBuilds += !entry.build.built();
    return {};
  };
  visitor.measurement = [&](const bundle::MeasurementEntry& entry) -> Result<void> {
    count(entry.build.kernel, "measurements");
    return {};
  };
  if (auto visited = reader->visit(visitor); !visited) return report(context, visited.error());
  json out = {{"signer", reader->signer() ? bundle::text(*reader->signer()) : ""},
              {"serial", reader->serial()},
              {"hash", reader->hash()},
              {"kernels", kernels},
              {"builds", reader->builds()},
              {"failed_builds", failedBuilds},
              {"measurements", reader->measurements()},
              {"binaries", reader->artefacts().size()},
              {"targets", targets}};
  if (context.json) {
    std::cout << out.dump(2) << "\n";
    return done;
  }
  std::cout << "signed by     " << (reader->signer() ? bundle::text(*reader->signer()) : "nobody") << "\n"
            << "builds        " << reader->builds() << " (" << failedBuilds << " failed)\n"
            << "measurements  " << reader->measurements() << "\n"
            << "binaries      " << reader->artefacts().size() << "\ntargets      ";
  for (const std::string& target : targets)
    std::cout << " " << target;
  std::cout << "\n";
  for (const json& kernel : kernels)
    std::cout << kernel["name"].get<std::string>() << "  " << kernel["builds"] << " builds, "
              << kernel["measurements"] << " measurements\n";
  return done;
}

struct DiffOptions {
  std::string a, b;
  double maxRegression = 0;
};

int compare(const Context& context, const DiffOptions& options) {
  auto a = bundle::Reader::open(options.a), b = bundle::Reader::open(options.b);
  if (!a || !b) return report(context, a ? b.error() : a.error());
  auto difference = bundle::diff(*a, *b);
  if (!difference) return report(context, difference.error());
  bool slower = options.maxRegression > 0 && difference->worstRatio > 1 + options.maxRegression / 100;
  json changes = json::array();
  for (const bundle::Change& each : difference->changes)
    changes.push_back({{"kernel", each.kernel},
                       {"sizes", each.sizes},
                       {"configuration", each.configuration},
                       {"target", each.target},
                       {"what", each.what},
                       {"detail", each.detail},
                       {"ratio", each.ratio}});
  if (context.json) {
    std::cout << json{{"same", difference->same},
                      {"changes", changes},
                      {"failing", difference->failing},
                      {"worst_ratio", difference->worstRatio}}
                     .dump(2)
              << "\n";
  } else {
    for (const bundle::Change& each : difference->changes) {
      std::cout << each.what << ": " << each.kernel << " " << each.sizes << " " << each.configuration << " "
                << each.target;
      if (each.ratio != 1) std::cout << " " << each.ratio << " times";
      if (!each.detail.empty()) std::cout << " (" << each.detail << ")";
      std::cout << "\n";
    }
    std::cout << difference->same << " builds are the same, " << difference->changes.size() << " changes\n";
  }
  return difference->failing || slower ? failed : done;
}

} // namespace

void addExport(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("export", "write the cache's builds and measurements into a bundle");
  auto options = std::make_shared<ExportOptions>();
  verb->add_option("file", options->file, "the bundle to write")->required();
  verb->add_option("--key", options->key, "private key to sign it with (tunectl key new)");
  verb->add_option("--from", options->from, "of this bundle, which a daemon gave, instead of a cache");
  verb->add_option("--kernel", options->request.kernels, "of this kernel only; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("-t,--target", options->request.targets, "for this target only")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->callback(
      [options, &context] { context.run = [=, &context] { return exportTo(context, *options); }; });
}

void addImport(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("import", "take a bundle into the cache");
  auto options = std::make_shared<ImportOptions>();
  verb->add_option("file", options->file, "the bundle")->required();
  verb->add_option("--trust", options->trusted,
                   "a public key, or a folder of them, beside those that are trusted always")
      ->allow_extra_args(false);
  verb->add_flag("--allow-untrusted", options->request.allowUntrusted, "whoever signed it, if anybody did");
  verb->add_flag("--allow-older", options->request.allowOlder,
                 "even if a newer one of its signer was imported");
  verb->add_flag("--check", options->check, "whether it would be taken; nothing is");
  verb->add_flag("--trust-measurements", options->request.trustMeasurements,
                 "measurements count as made here: for fleets of equal machines");
  verb->callback(
      [options, &context] { context.run = [=, &context] { return importFrom(context, *options); }; });
}

void addShow(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("show", "what is in a bundle");
  auto file = std::make_shared<std::string>();
  verb->add_option("file", *file, "the bundle")->required();
  verb->callback([file, &context] { context.run = [=, &context] { return show(context, *file); }; });
}

void addDiff(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("diff", "what changed between two bundles");
  auto options = std::make_shared<DiffOptions>();
  verb->add_option("a", options->a, "the bundle before")->required();
  verb->add_option("b", options->b, "the bundle after")->required();
  verb->add_option("--max-regression", options->maxRegression,
                   "percent that the best time of a problem may grow; beyond: exit 1")
      ->check(positiveNumber());
  verb->callback([options, &context] { context.run = [=, &context] { return compare(context, *options); }; });
}

} // namespace tuned::offline
