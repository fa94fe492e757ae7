#include "backend/gpu/shared/program.h"

#include <algorithm>
#include <set>

namespace tuned::nvptx {
namespace {

enum class Contents { Untouched, Needed, Renewed };

/// What a point does first to a buffer's contents.
Contents firstUse(const SharedPoint& point, uint32_t buffer) {
  for (const Phase& phase : point.phases) {
    bool touched = false, reads = false;
    for (const BufferAccess& access : phase)
      if (access.buffer == buffer) {
        touched = true;
        reads |= access.reads;
      }
    if (touched) return reads ? Contents::Needed : Contents::Renewed;
  }
  return Contents::Untouched;
}

/// Points that a walk along `edges` from `starts` enters; it does not go on from where `stops` holds.
template <typename Stops>
std::vector<bool> reached(const std::vector<std::vector<uint32_t>>& edges, std::vector<uint32_t> starts,
                          Stops stops) {
  std::vector<bool> seen(edges.size());
  while (!starts.empty()) {
    uint32_t from = starts.back();
    starts.pop_back();
    for (uint32_t to : edges[from]) {
      if (seen[to]) continue;
      seen[to] = true;
      if (!stops(to)) starts.push_back(to);
    }
  }
  return seen;
}

/// Live: behind an access and, without being written anew, in front of one that reads.
std::vector<uint32_t> liveBetween(const SharedProgram& program, uint32_t buffer,
                                  const std::vector<uint32_t>& accesses,
                                  const std::vector<std::vector<uint32_t>>& successors,
                                  const std::vector<std::vector<uint32_t>>& predecessors) {
  std::vector<uint32_t> readers;
  for (uint32_t point : accesses)
    if (firstUse(program.points[point], buffer) == Contents::Needed) readers.push_back(point);
  if (readers.empty()) return accesses;
  auto renewed = [&](uint32_t point) { return firstUse(program.points[point], buffer) == Contents::Renewed; };
  auto never = [](uint32_t) { return false; };
  std::vector<bool> before = reached(predecessors, readers, renewed);
  std::vector<bool> after = reached(successors, accesses, never);
  std::vector<uint32_t> live;
  for (uint32_t point = 0; point < program.points.size(); ++point)
    if ((before[point] && after[point]) || std::ranges::binary_search(accesses, point)) live.push_back(point);
  return live;
}

void add(Pending& pending, const BufferAccess& access) {
  BufferAccess& known = pending[access.buffer];
  known.buffer = access.buffer;
  known.reads |= access.reads;
  known.writes |= access.writes;
}

/// What is pending behind a point.
Pending behind(const SharedPoint& point, const Pending& before, bool barrier) {
  bool cleared = barrier || point.phases.size() > 1;
  Pending pending = cleared ? Pending() : before;
  for (const BufferAccess& access : point.phases.back())
    add(pending, access);
  return pending;
}

/// Whether anything was new.
bool join(Pending& into, const Pending& from) {
  bool grew = false;
  for (const auto& [buffer, access] : from) {
    auto known = into.find(buffer);
    bool isNew = known == into.end() || (access.reads && !known->second.reads) ||
                 (access.writes && !known->second.writes);
    grew |= isNew;
    if (isNew) add(into, access);
  }
  return grew;
}

} // namespace

unsigned SharedProgram::depth(uint32_t point) const {
  unsigned loops = 0;
  for (auto loop = points[point].loop; loop; loop = points[*loop].loop)
    ++loops;
  return loops;
}

std::vector<std::vector<uint32_t>> livePoints(const SharedProgram& program) {
  size_t count = program.points.size();
  std::vector<std::vector<uint32_t>> successors(count), predecessors(count), accesses(program.buffers.size());
  for (uint32_t point = 0; point < count; ++point) {
    successors[point] = program.points[point].successors;
    for (uint32_t next : successors[point])
      predecessors[next].push_back(point);
    for (const Phase& phase : program.points[point].phases)
      for (const BufferAccess& access : phase)
        if (accesses[access.buffer].empty() || accesses[access.buffer].back() != point)
          accesses[access.buffer].push_back(point);
  }
  std::vector<std::vector<uint32_t>> live;
  for (uint32_t buffer = 0; buffer < program.buffers.size(); ++buffer)
    live.push_back(liveBetween(program, buffer, accesses[buffer], successors, predecessors));
  return live;
}

std::vector<Pending> pendingAccesses(const SharedProgram& program, const std::vector<bool>& barriers) {
  std::vector<Pending> in(program.points.size());
  std::set<uint32_t> open; // lowest first: program order, so that loops settle in few rounds
  for (uint32_t point = 0; point < in.size(); ++point)
    open.insert(point);
  while (!open.empty()) {
    uint32_t point = *open.begin();
    open.erase(open.begin());
    Pending out = behind(program.points[point], in[point], barriers[point]);
    for (uint32_t next : program.points[point].successors)
      if (join(in[next], out)) open.insert(next);
  }
  return in;
}

} // namespace tuned::nvptx
