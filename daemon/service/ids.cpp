#include "daemon/service/ids.h"

#include <cstdio>
#include <random>

namespace tuned {

std::string newId() {
  std::random_device random;
  char text[17];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return text;
}

} // namespace tuned
