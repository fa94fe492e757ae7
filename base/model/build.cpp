#include "base/model/build.h"

#include "base/sha256.h"

#include <nlohmann/json.hpp>

namespace tuned {

std::string toolchainId(const std::string& architecture, const std::string& compilers,
                        const std::string& assembler) {
  return sha256(
      nlohmann::json{{"architecture", architecture}, {"compilers", compilers}, {"assembler", assembler}}.dump(
          -1, ' ', false, nlohmann::json::error_handler_t::replace));
}

} // namespace tuned
