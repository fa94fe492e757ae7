// What goes through the channel, as JSON. Requests have "op"; answers are {"ok": …} or {"error": …}.
#pragma once

#include "backend/artefact.h"
#include "base/error.h"

#include <nlohmann/json_fwd.hpp>

namespace tuned {

/// As much of it as is to be kept of a worker's words.
std::string shortened(std::string text);

nlohmann::json toJson(const Error& error);
Error errorFromJson(const nlohmann::json& json);

/// The bytes travel as CBOR binary.
nlohmann::json artefactToJson(const Artefact& artefact);
Result<Artefact> artefactFromJson(const nlohmann::json& json);

/// The "ok" of an answer, or its error.
Result<nlohmann::json> okOf(nlohmann::json answer);

} // namespace tuned
