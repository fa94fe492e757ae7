// What goes through the channel, as JSON. Requests have "op"; answers are {"ok": …} or {"error": …}.
#pragma once

#include "backend/artefact.h"
#include "base/error.h"

#include <nlohmann/json_fwd.hpp>

namespace tuned {

nlohmann::json toJson(const Error& error);
Error errorFromJson(const nlohmann::json& json);

/// The bytes travel as CBOR binary.
nlohmann::json artefactToJson(const Artefact& artefact);
Result<Artefact> artefactFromJson(const nlohmann::json& json);

/// The "ok" of an answer, or its error.
Result<nlohmann::json> okOf(nlohmann::json answer);

} // namespace tuned
