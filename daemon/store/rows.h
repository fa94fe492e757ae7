// Rows of builds and measurements as they are written, by the store and by what moves older files into it.
#pragma once

#include "daemon/store/file/sqlite.h"
#include "daemon/store/records.h"

namespace tuned::store {

/// The number of the problem, which is made when it is new.
int64_t writeProblem(Database& database, const std::string& kernel, const std::string& sizes);

/// Replaces the row of the same key; gives its number.
int64_t writeBuild(Database& database, const BuildKey& key, const Build& build, double created);

/// build.id, build.key, target and created must be set. It takes the place of what stood for its build,
/// unless it is history. Gives its number.
int64_t writeMeasurement(Database& database, const MeasurementRecord& record);

void writeArtefact(Database& database, const std::string& sha, const std::string& format,
                   const std::string& target, int64_t size, const std::string& compressed, double created);

} // namespace tuned::store
