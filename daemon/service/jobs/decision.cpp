#include "daemon/service/jobs/decision.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace tuned {

namespace {
constexpr size_t longestDigest = 64; // SHA-256, in hexadecimal
}

nlohmann::json Decision::answer(const nlohmann::json& question) {
  return {{"go_on", goOn(question)}};
}

void Decision::end(std::shared_ptr<const Artefact> made) {
  if (!own_.empty()) same_->end(std::exchange(own_, {}), std::move(made));
}

bool Decision::goOn(const nlohmann::json& question) {
  // Two who each make what the other waits for would wait for ever: who waits makes nothing.
  if (!others.empty()) return false;
  if (!question.is_object()) return true;
  const auto registers = question.find("registers"), code = question.find("code");
  if (leave_ && registers != question.end() && registers->is_number_integer() &&
      leave_(registers->get<int64_t>())) {
    left = registers->get<int64_t>();
    return false;
  }
  if (!same_ || code == question.end() || !code->is_string()) return true;
  const std::string digest = *code;
  // A crashed worker's place may have been taken by another, which asks again.
  if (digest.empty() || digest.size() > longestDigest || !own_.empty()) return true;
  if (same_->begin(digest)) {
    own_ = digest;
    return true;
  }
  others = digest;
  return false;
}

} // namespace tuned
