#include "daemon/store/measurement_row.h"

#include "base/model/json.h"
#include "daemon/store/file/checksum.h"

namespace tuned::store {

const std::string selectMeasurements =
    "SELECT m.id, p.kernel, p.sizes, b.id, b.configuration, b.toolchain, b.options, b.origin, b.body, "
    "b.created, "
    "b.sum, m.target, g.device, m.policy, m.source, m.search, m.stage, m.standing, m.outcome, m.reason, "
    "m.seconds, m.low, m.high, m.repeats, m.abandoned, m.compile_seconds, m.measure_seconds, m.verdict, "
    "m.created, m.sum, m.joules FROM measurements m JOIN builds b ON b.id = m.build JOIN problems p ON p.id "
    "= "
    "m.problem "
    "JOIN targets g ON g.id = m.target ";

namespace {
/// The values of a compact key; empty where it is none.
std::map<std::string, int64_t> valuesOf(const std::string& key) {
  auto values = model::fromText<std::map<std::string, int64_t>>(key);
  return values ? *values : std::map<std::string, int64_t>();
}
} // namespace

int64_t measurementId(const SQLite::Statement& row) {
  return number(row, 0);
}

std::string measurementName(const SQLite::Statement& row) {
  return "kernel " + text(row, 1) + " for " + text(row, 2);
}

std::optional<MeasurementRecord> readMeasurement(const SQLite::Statement& row) {
  MeasurementRecord out;
  out.id = measurementId(row);
  BuildRecord& build = out.build;
  build.key = {text(row, 1), text(row, 2), text(row, 4), text(row, 5), text(row, 6), text(row, 7)};
  build.id = number(row, 3);
  build.created = real(row, 9);
  const std::string body = text(row, 8), verdict = text(row, 27);
  auto parsed = model::fromText<Build>(body);
  auto judged = model::fromText<Verdict>(verdict);
  if (!parsed || !judged || buildSum(build.key, body) != textAt(row, 10)) return std::nullopt;
  build.build = std::move(*parsed);
  out.target = text(row, 11);
  out.policy = text(row, 13);
  out.source = text(row, 14);
  out.search = number(row, 15);
  out.finalist = number(row, 16) > 0;
  out.history = number(row, 17) == 0;
  out.created = real(row, 28);

  Measurement& m = out.measurement;
  m.outcome = text(row, 18);
  m.reason = text(row, 19);
  m.seconds = optionalReal(row, 20);
  if (auto low = optionalReal(row, 21)) m.interval = Interval{*low, optionalReal(row, 22).value_or(*low)};
  m.repeats = number(row, 23);
  m.abandoned = number(row, 24) != 0;
  m.compileSeconds = real(row, 25);
  m.measureSeconds = real(row, 26);
  m.verdict = std::move(*judged);
  m.joules = optionalReal(row, 30);
  if (measurementSum(out, verdict) != textAt(row, 29)) return std::nullopt;

  m.kernel = build.key.kernel;
  m.sizes = valuesOf(build.key.sizes);
  m.configuration = valuesOf(build.key.configuration);
  m.device = text(row, 12);
  m.target = out.target;
  m.origin = build.key.origin;
  m.resources = build.build.resources;
  m.artefact = build.build.artefact;
  m.measuredAt = static_cast<int64_t>(out.created);
  return out;
}

} // namespace tuned::store
