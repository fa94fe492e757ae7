#include "backend/nvptx/target.h"

#include "backend/nvptx/target_names.h"

#include <array>

namespace tuned::nvptx {
namespace {

struct Row {
  const char* name;
  int capability;
  int64_t sharedKib;
  int residentWarps, residentCtas;
};

constexpr std::array<Row, 9> rows = {{{"sm_80", 80, 163, 64, 32},
                                      {"sm_86", 86, 99, 48, 16},
                                      {"sm_89", 89, 99, 48, 24},
                                      {"sm_90", 90, 227, 64, 32},
                                      {"sm_90a", 90, 227, 64, 32},
                                      {"sm_100", 100, 227, 64, 32},
                                      {"sm_100a", 100, 227, 64, 32},
                                      {"sm_120", 120, 99, 48, 24},
                                      {"sm_120a", 120, 99, 48, 24}}};

} // namespace

std::vector<std::string> targetNames() {
  std::vector<std::string> names;
  for (const Row& row : rows)
    names.emplace_back(row.name);
  return names;
}

Result<Target> parseTarget(const std::string& name) {
  std::string known;
  for (const Row& row : rows) {
    if (name == row.name)
      return Target{name,     row.capability,    row.sharedKib * 1024,
                    "+ptx90", row.residentWarps, row.residentCtas};
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return fail(ErrorKind::Unsupported, "no such NVIDIA target: '" + name + "'", "choose one of " + known);
}

} // namespace tuned::nvptx
