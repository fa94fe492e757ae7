#include "backend/nvptx/target.h"

#include <array>

namespace tuned::nvptx {
namespace {

struct Row {
  const char* name;
  int capability;
  int64_t sharedKib;
};

constexpr std::array<Row, 9> rows = {{{"sm_80", 80, 163},
                                      {"sm_86", 86, 99},
                                      {"sm_89", 89, 99},
                                      {"sm_90", 90, 227},
                                      {"sm_90a", 90, 227},
                                      {"sm_100", 100, 227},
                                      {"sm_100a", 100, 227},
                                      {"sm_120", 120, 99},
                                      {"sm_120a", 120, 99}}};

} // namespace

Result<Target> parseTarget(const std::string& name) {
  std::string known;
  for (const Row& row : rows) {
    if (name == row.name) return Target{name, row.capability, row.sharedKib * 1024, "+ptx90"};
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return fail(ErrorKind::Unsupported, "no such NVIDIA target: '" + name + "'", "choose one of " + known);
}

} // namespace tuned::nvptx
