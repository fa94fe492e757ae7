// Checksums, told from a row's other columns.
//
// A checksum covers what the row answers together with the question it answers, so that a row whose key
// was changed by damage is no answer to the wrong question.
#pragma once

#include "daemon/store/records.h"

#include <string>
#include <string_view>
#include <vector>

namespace tuned::store {

/// The first 16 bytes of the SHA-256 over all parts, each with its length in front.
std::string checksum(const std::vector<std::string>& parts);

/// Over key and body; `body` is the build as the row holds it.
std::string buildSum(const BuildKey& key, std::string_view body);

/// Over all of a measurement's row but its standing, and the key of its build.
std::string measurementSum(const MeasurementRecord& record, std::string_view verdict);

} // namespace tuned::store
