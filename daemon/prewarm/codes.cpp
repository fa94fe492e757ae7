#include "daemon/prewarm/codes.h"

namespace tuned::prewarm {

void Codes::ended(const tuned::Problem& problem, size_t bytes) {
  auto found = problems_.find(&problem);
  if (found == problems_.end()) return;
  Shared& shared = found->second;
  shared.bytes += bytes;
  bytes_ += bytes;
  if (--shared.left == 0) {
    bytes_ -= shared.bytes;
    problems_.erase(found);
  }
  if (bytes_ <= mostBytes_) return;
  for (auto& [key, each] : problems_) {
    each.same.forget();
    each.bytes = 0;
  }
  bytes_ = 0;
}

} // namespace tuned::prewarm
