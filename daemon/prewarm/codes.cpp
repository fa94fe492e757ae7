#include "daemon/prewarm/codes.h"

namespace tuned::prewarm {

void Codes::ended(const tuned::Problem& problem) {
  auto found = problems_.find(&problem);
  if (found == problems_.end()) return;
  Shared& shared = found->second;
  bytes_ -= shared.counted;
  if (--shared.left == 0) {
    problems_.erase(found);
  } else {
    shared.counted = shared.same.bytes();
    bytes_ += shared.counted;
  }
  if (bytes_ <= mostBytes_) return;
  for (auto& [key, each] : problems_) {
    each.same.forget();
    each.counted = 0;
  }
  bytes_ = 0;
}

} // namespace tuned::prewarm
