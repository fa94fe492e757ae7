#include "client/protocol/speaker.h"

#include "base/sha256.h"
#include "client/protocol/routes.h"

#include <nlohmann/json.hpp>

namespace tuned::protocol {

const std::string& speaker() {
  static const std::string text = std::string("gpu-tuned/") + TUNED_VERSION + " (messages " +
                                  sha256(openApi("").dump()).substr(0, 8) + ")";
  return text;
}

} // namespace tuned::protocol
