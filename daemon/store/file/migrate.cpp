// From older schemas to the present one.
#include "base/model/json.h"
#include "base/sha256.h"
#include "daemon/store/attempt.h"
#include "daemon/store/file/open.h"
#include "daemon/store/file/schema.h"
#include "daemon/store/rows.h"

#include <filesystem>

namespace tuned::store {

namespace {

using nlohmann::json;

/// A document of schema 1 wrote "tolerance": {0, 0} where nothing was said; now that means exact.
std::string withoutEmptyTolerance(const std::string& document) {
  auto parsed = nlohmann::ordered_json::parse(document, nullptr, false);
  if (!parsed.is_object()) return document;
  auto tolerance = parsed.find("tolerance");
  if (tolerance == parsed.end() || !tolerance->is_object()) return document;
  if (tolerance->value("relative", 0.0) != 0 || tolerance->value("absolute", 0.0) != 0) return document;
  parsed.erase(tolerance);
  return parsed.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void moveDocuments(Database& database) {
  auto row = query(database, "SELECT id, name, document, created FROM old_kernels");
  while (row.executeStep()) {
    const std::string document = withoutEmptyTolerance(text(row, 2)), sha = sha256(document);
    run(database, "INSERT OR IGNORE INTO documents(sha, kernel, text, created) VALUES(?, ?, ?, ?)", sha,
        text(row, 0), document, real(row, 3));
    run(database,
        "INSERT INTO names(name, owner, document, given, updated) VALUES(?1, '', ?2, ?3, ?3) "
        "ON CONFLICT(name, owner) DO UPDATE SET document = excluded.document WHERE excluded.updated > "
        "updated",
        text(row, 1), sha, real(row, 3));
  }
}

std::string toolchainOf(const std::string& description) {
  const json parsed = json::parse(description, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("hardware")) return "";
  return toolchainId(parsed["hardware"].value("architecture", ""), parsed.value("build", ""),
                     parsed.value("assembler", ""));
}

/// A trial of schema 1 as a measurement. Its tolerance was not kept: a verdict of then proves nothing now.
Measurement measurementOf(const json& details) {
  Measurement out;
  const json& outcome = details.at("outcome");
  out.outcome = outcome.at("kind");
  out.reason = outcome.value("reason", "");
  if (out.outcome == "timed") {
    out.seconds = outcome.at("median").get<double>();
    out.interval = Interval{outcome.at("low"), outcome.at("high")};
    out.repeats = outcome.at("repeats");
    out.abandoned = outcome.value("abandoned", false);
  }
  const json& verdict = details.at("verdict");
  out.verdict.reference = verdict.at("reference");
  out.verdict.checked = verdict.at("checked");
  out.verdict.total = verdict.at("total");
  out.verdict.worstError = verdict.at("worst_error").is_number() ? verdict["worst_error"].get<double>() : 0;
  out.verdict.guardsIntact = verdict.at("guards_intact");
  out.verdict.reason = "judged before tolerances were kept";
  if (out.outcome == "wrong_result") out.verdict.state = "failed";
  out.artefact = details.at("artefact");
  out.compileSeconds = details.at("compile_seconds");
  out.measureSeconds = details.at("measure_seconds");
  if (auto resources = model::fromJson<Resources>(details.at("resources"))) out.resources = *resources;
  return out;
}

/// The build of a trial; `answer` is the winner's body when the trial won, and has what its launch takes.
Build buildOf(const Measurement& trial, const json& answer) {
  Build out;
  out.artefact = trial.artefact;
  out.resources = trial.resources;
  out.seconds = trial.compileSeconds;
  if (out.artefact.empty()) {
    out.outcome = trial.outcome;
    out.reason = trial.reason;
  }
  if (!answer.is_object()) return out;
  out.format = answer.value("format", "");
  out.target = answer.value("target", "");
  if (auto launch = model::fromJson<LaunchMetadata>(answer.value("launch", json()))) {
    out.launch = *launch;
    out.launch.block[0] = answer["launch"].value("threads_per_cta", 1);
  }
  return out;
}

void moveTrials(Database& database) {
  auto row = query(
      database, "SELECT p.kernel, p.sizes, p.target, g.description, t.configuration, t.details, t.created, "
                "w.body, w.body_sha FROM old_trials t JOIN old_problems p ON p.id = t.problem "
                "JOIN old_targets g ON g.id = p.target LEFT JOIN old_winners w ON w.trial = t.id "
                "ORDER BY t.id");
  while (row.executeStep()) {
    const json details = json::parse(text(row, 5), nullptr, false);
    const std::string body = text(row, 7);
    const bool won = !body.empty() && sha256(body) == textAt(row, 8);
    try {
      MeasurementRecord record;
      record.measurement = measurementOf(details);
      record.build.key = {text(row, 0), text(row, 1), text(row, 4), toolchainOf(text(row, 3)), "", ""};
      const Build build = buildOf(record.measurement, won ? json::parse(body, nullptr, false) : json());
      record.build.id = writeBuild(database, record.build.key, build, real(row, 6));
      record.target = text(row, 2);
      record.finalist = won;
      record.created = real(row, 6);
      writeMeasurement(database, record);
    } catch (const json::exception&) {
      continue; // a trial of a form that nobody wrote: it is measured again
    }
  }
}

/// From the second schema on each is the one before it with something added.
void addTo(Database& database, int64_t from, int64_t to) {
  for (int64_t version = from; version < to; ++version)
    database.exec(laterSchemas[version - 2]);
}

void fromSchema1(Database& database) {
  database.exec("DROP INDEX trials_of_problem");
  for (const char* table : {"kernels", "targets", "problems", "trials", "artefacts", "winners", "jobs"})
    database.exec(std::string("ALTER TABLE ") + table + " RENAME TO old_" + table);
  createSchema(database, schemaVersion);
  moveDocuments(database);
  database.exec("INSERT INTO targets SELECT id, hardware, device, description FROM old_targets");
  database.exec("INSERT INTO jobs(id, state, request, outcome, created) "
                "SELECT id, state, request, outcome, created FROM old_jobs");
  database.exec("INSERT INTO artefacts(sha, format, target, size, created, compressed) "
                "SELECT a.sha, a.format, a.target, a.size, max(w.created), a.compressed FROM old_artefacts a "
                "JOIN old_winners w ON w.artefact = a.sha GROUP BY a.sha");
  moveTrials(database);
  for (const char* table : {"winners", "trials", "problems", "artefacts", "kernels", "targets", "jobs"})
    database.exec(std::string("DROP TABLE old_") + table);
}

} // namespace

void createSchema(Database& database, int64_t version) {
  database.exec(version == 1 ? schema1 : schema2);
  if (version > 1) addTo(database, 2, version);
}

void migrate(Database& database, const std::string& path, int64_t from) {
  if (from > 0) {
    const std::string copy = path + ".before-schema-" + std::to_string(schemaVersion);
    std::error_code ignored;
    std::filesystem::remove(copy, ignored);
    run(database, "VACUUM INTO ?", copy);
  }
  Changes changes(database);
  if (from == 0) createSchema(database, schemaVersion);
  if (from == 1) fromSchema1(database);
  if (from > 1) addTo(database, from, schemaVersion);
  // Pragmas take no bound values.
  database.exec("PRAGMA application_id = " + std::to_string(applicationId));
  database.exec("PRAGMA user_version = " + std::to_string(schemaVersion));
  changes.commit();
}

} // namespace tuned::store
