// The tables of the cache. A new version adds a step to `migrations`; a released step never changes.
#pragma once

#include <cstdint>
#include <iterator>

namespace tuned::store {

constexpr int64_t applicationId = 0x74756e64; // "tund"

// kernels: documents with their source inlined, by identity.   targets: device + driver + toolchain, by
// identity; hardware is the part that an upgrade does not change.        problems: what is tuned, and how it
// ended. trials: every measurement, failures too; details is JSON.    artefacts: zstd, by SHA-256 of the
// plain bytes. winners: body is JSON and body_sha its SHA-256.              jobs: what was acknowledged and
// not finished.
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

inline constexpr const char* migrations[] = {schema1};
constexpr int64_t schemaVersion = std::size(migrations);

} // namespace tuned::store
