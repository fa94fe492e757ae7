// A measurement's row with its build's, as every query of them selects it.
#pragma once

#include "daemon/store/file/sqlite.h"
#include "daemon/store/records.h"

namespace tuned::store {

/// SELECT … FROM measurements m with its build b, problem p and target g joined; a WHERE follows.
extern const std::string selectMeasurements;

/// Nothing when measurement or build do not match their checksums.
std::optional<MeasurementRecord> readMeasurement(const SQLite::Statement& row);
/// The number of the measurement in such a row.
int64_t measurementId(const SQLite::Statement& row);
/// "kernel … for {…}", for notices.
std::string measurementName(const SQLite::Statement& row);

} // namespace tuned::store
