#include "backend/reference/steps/map.h"

namespace tuned::reference {

int64_t Operation::integer(const std::string& key, int64_t absent) const {
  auto found = attributes.find(key);
  return found == attributes.end() || found->second.integers.empty() ? absent : found->second.integers[0];
}

const std::string& Operation::text(const std::string& key) const {
  static const std::string kNone;
  auto found = attributes.find(key);
  return found == attributes.end() ? kNone : found->second.text;
}

void unsupported(const Operation& op, const std::string& what) {
  throw Failure{{ErrorKind::Unsupported, op.name + ": " + what,
                 op.location.line ? std::optional(op.location) : std::nullopt}};
}

const StepTable& stepTable() {
  static const StepTable table = [] {
    StepTable t;
    addInteger(t);
    addReal(t);
    addMath(t);
    addCasts(t);
    addShapes(t);
    addControl(t);
    addReductions(t);
    addMemory(t);
    addAtomics(t);
    addDescriptors(t);
    addDots(t);
    addLibdevice(t);
    return t;
  }();
  return table;
}

} // namespace tuned::reference
