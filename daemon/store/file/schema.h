// The tables of the cache. A new version adds a step to migrate.cpp; a released schema never changes.
#pragma once

#include <cstdint>

namespace tuned::store {

constexpr int64_t applicationId = 0x74756e64; // "tund"
constexpr int64_t schemaVersion = 4;

// Schema 1 kept a winner as the text of an answer. It is here so that a file of it can be repaired before it
// is brought up to date, and for the tests.
inline constexpr const char* schema1 = R"sql(
CREATE TABLE kernels(
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  created REAL NOT NULL) STRICT;
CREATE TABLE targets(
  id TEXT PRIMARY KEY NOT NULL,
  hardware TEXT NOT NULL,
  device TEXT NOT NULL,
  description TEXT NOT NULL) STRICT;
CREATE TABLE problems(
  id INTEGER PRIMARY KEY NOT NULL,
  kernel TEXT NOT NULL REFERENCES kernels(id),
  sizes TEXT NOT NULL,
  target TEXT NOT NULL REFERENCES targets(id),
  failure TEXT NOT NULL DEFAULT '',
  UNIQUE(kernel, sizes, target)) STRICT;
CREATE TABLE trials(
  id INTEGER PRIMARY KEY NOT NULL,
  problem INTEGER NOT NULL REFERENCES problems(id),
  configuration TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  seconds REAL,
  details TEXT NOT NULL,
  created REAL NOT NULL) STRICT;
CREATE INDEX trials_of_problem ON trials(problem, configuration);
CREATE TABLE artefacts(
  sha TEXT PRIMARY KEY NOT NULL,
  format TEXT NOT NULL,
  target TEXT NOT NULL,
  size INTEGER NOT NULL,
  compressed BLOB NOT NULL) STRICT;
CREATE TABLE winners(
  problem INTEGER PRIMARY KEY NOT NULL REFERENCES problems(id),
  trial INTEGER NOT NULL REFERENCES trials(id),
  artefact TEXT NOT NULL REFERENCES artefacts(sha),
  body TEXT NOT NULL,
  body_sha TEXT NOT NULL,
  created REAL NOT NULL) STRICT;
CREATE TABLE jobs(
  id TEXT PRIMARY KEY NOT NULL,
  state TEXT NOT NULL,
  request TEXT NOT NULL,
  outcome TEXT NOT NULL,
  created REAL NOT NULL) STRICT;
)sql";

// documents     kernel documents with their source inlined, by the SHA-256 of their text; kernel is what the
//               document hashes to (Kernel::id).
// names         whose name for which document.
// targets       what is measured on and with: hardware, driver, compilers; hardware is the part that an
// upgrade
//               does not change.
// problems      a kernel at exact sizes. magnitude: sum of the sizes' binary logarithms, to find near ones.
// artefacts     binaries, zstd, by SHA-256 of the plain bytes.
// builds        what compiling gave; body is a Build as JSON. The artefact may have been collected since.
// measurements  build × target × policy. standing: 1 it may win, 2 it is the last of its build but cannot
// win,
//               0 it is history. stage: 0 timed alone in a search, 1 timed against the best others.
//               source: empty, or from where it was imported. Measured with energy (policy) it cannot win by
//               time.
// searches      one run of the tuner over a problem. question: what was asked beside the problem (tolerance,
//               space, policy). ended 0: it has not.
// jobs          what was acknowledged.
// notices       what an operator should know of this file's past.
//
// sum is checksum() over all that the row answers, its key included (checksum.h).
inline constexpr const char* schema2 = R"sql(
CREATE TABLE documents(
  sha TEXT PRIMARY KEY NOT NULL,
  kernel TEXT NOT NULL,
  text TEXT NOT NULL,
  created REAL NOT NULL) STRICT;
CREATE INDEX documents_of_kernel ON documents(kernel);
CREATE TABLE names(
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  document TEXT NOT NULL REFERENCES documents(sha),
  given REAL NOT NULL,
  updated REAL NOT NULL,
  PRIMARY KEY(name, owner)) STRICT;
CREATE INDEX names_of_document ON names(document);
CREATE TABLE targets(
  id TEXT PRIMARY KEY NOT NULL,
  hardware TEXT NOT NULL,
  device TEXT NOT NULL,
  description TEXT NOT NULL) STRICT;
CREATE INDEX targets_of_hardware ON targets(hardware);
CREATE TABLE problems(
  id INTEGER PRIMARY KEY NOT NULL,
  kernel TEXT NOT NULL,
  sizes TEXT NOT NULL,
  magnitude REAL NOT NULL,
  UNIQUE(kernel, sizes)) STRICT;
CREATE INDEX problems_near ON problems(kernel, magnitude);
CREATE TABLE artefacts(
  sha TEXT PRIMARY KEY NOT NULL,
  format TEXT NOT NULL,
  target TEXT NOT NULL,
  size INTEGER NOT NULL,
  created REAL NOT NULL,
  compressed BLOB NOT NULL) STRICT;
CREATE INDEX artefacts_by_age ON artefacts(created, size, sha);
CREATE TABLE builds(
  id INTEGER PRIMARY KEY NOT NULL,
  problem INTEGER NOT NULL REFERENCES problems(id),
  configuration TEXT NOT NULL,
  toolchain TEXT NOT NULL,
  options TEXT NOT NULL,
  origin TEXT NOT NULL,
  artefact TEXT NOT NULL,
  body TEXT NOT NULL,
  created REAL NOT NULL,
  sum BLOB NOT NULL,
  UNIQUE(problem, configuration, toolchain, options, origin)) STRICT;
CREATE INDEX builds_of_artefact ON builds(artefact) WHERE artefact <> '';
CREATE INDEX builds_of_others ON builds(problem) WHERE origin <> '';
CREATE TABLE measurements(
  id INTEGER PRIMARY KEY NOT NULL,
  build INTEGER NOT NULL REFERENCES builds(id),
  problem INTEGER NOT NULL REFERENCES problems(id),
  target TEXT NOT NULL REFERENCES targets(id),
  policy TEXT NOT NULL,
  source TEXT NOT NULL,
  search INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  standing INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  seconds REAL,
  low REAL,
  high REAL,
  repeats INTEGER NOT NULL,
  abandoned INTEGER NOT NULL,
  compile_seconds REAL NOT NULL,
  measure_seconds REAL NOT NULL,
  verdict TEXT NOT NULL,
  created REAL NOT NULL,
  sum BLOB NOT NULL) STRICT;
CREATE INDEX measurements_of ON measurements(problem, target, build);
CREATE INDEX measurements_of_build ON measurements(build);
CREATE INDEX candidates ON measurements(problem, target, stage DESC, search DESC, seconds) WHERE standing = 1;
CREATE TABLE searches(
  id INTEGER PRIMARY KEY NOT NULL,
  problem INTEGER NOT NULL REFERENCES problems(id),
  target TEXT NOT NULL REFERENCES targets(id),
  job TEXT NOT NULL,
  document TEXT NOT NULL,
  question TEXT NOT NULL,
  strategy TEXT NOT NULL,
  space INTEGER NOT NULL,
  tried INTEGER NOT NULL,
  stopped TEXT NOT NULL,
  failure TEXT NOT NULL,
  phases TEXT NOT NULL,
  began REAL NOT NULL,
  ended REAL NOT NULL) STRICT;
CREATE INDEX searches_of ON searches(problem, target, id DESC);
CREATE TABLE jobs(
  id TEXT PRIMARY KEY NOT NULL,
  state TEXT NOT NULL,
  request TEXT NOT NULL,
  outcome TEXT NOT NULL,
  created REAL NOT NULL) STRICT;
CREATE INDEX jobs_open ON jobs(created) WHERE state IN ('queued', 'running');
CREATE TABLE notices(
  id INTEGER PRIMARY KEY NOT NULL,
  text TEXT NOT NULL,
  created REAL NOT NULL) STRICT;
)sql";

// What each schema adds to the one before it, from the third on.
inline constexpr const char* laterSchemas[] = {
    // What one launch takes of energy, where the objective of its tuning asked for that.
    "ALTER TABLE measurements ADD COLUMN joules REAL",
    // Whose job it is: a user's number; NULL where nobody wrote that down.
    "ALTER TABLE jobs ADD COLUMN user INTEGER",
};
static_assert(schemaVersion == 2 + sizeof(laterSchemas) / sizeof(*laterSchemas));

} // namespace tuned::store
