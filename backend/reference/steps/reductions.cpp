// tt.reduce, tt.scan and tt.map_elementwise: a region over scalars, whatever it does.
#include "backend/reference/steps/map.h"
#include "backend/reference/steps/strides.h"

namespace tuned::reference {
namespace {

using Tuple = std::vector<uint64_t>; // one scalar an operand

/// Runs the region with these scalars as its arguments and gives what it returns.
void combine(Frame& frame, const Region& region, const Tuple& left, const Tuple& right, Tuple& result) {
  const std::vector<int>& arguments = region.blocks[0].arguments;
  size_t n = left.size();
  for (size_t k = 0; k < n; ++k) {
    frame[arguments[k]].assign(1, left[k]);
    frame[arguments[n + k]].assign(1, right[k]);
  }
  const std::vector<int>& returned = execute(frame, region);
  result.resize(n);
  for (size_t k = 0; k < n; ++k)
    result[k] = frame[returned[k]][0];
}

/// A tree of neighbours: it asks only that the region be associative, keeps left operands left, and rounds no
/// more often than a device's reduction does.
Step reduce(const Operation& op) {
  std::vector<Line> lines = linesAlong(op.operandTypes[0].shape, static_cast<size_t>(op.integer("axis", 0)));
  return [lines = std::move(lines), region = op.regions[0], operands = op.operands,
          results = op.results](Frame& frame) {
    size_t n = operands.size();
    std::vector<Lanes> reduced(n, Lanes(lines.size()));
    std::vector<Tuple> row;
    for (size_t l = 0; l < lines.size(); ++l) {
      row.assign(lines[l].length, Tuple(n));
      for (size_t i = 0; i < row.size(); ++i)
        for (size_t k = 0; k < n; ++k)
          row[i][k] = frame[operands[k]][lines[l][i]];
      for (size_t count = row.size(); count > 1; count = (count + 1) / 2) {
        for (size_t i = 0; i + 1 < count; i += 2)
          combine(frame, *region, row[i], row[i + 1], row[i / 2]);
        if (count % 2) row[count / 2] = row[count - 1];
      }
      for (size_t k = 0; k < n; ++k)
        reduced[k][l] = row[0][k];
    }
    for (size_t k = 0; k < n; ++k)
      frame[results[k]] = std::move(reduced[k]);
  };
}

/// Inclusive, element after element; in reverse from the last one. What was accumulated is the left operand.
Step scan(const Operation& op) {
  std::vector<Line> lines = linesAlong(op.operandTypes[0].shape, static_cast<size_t>(op.integer("axis", 0)));
  bool reverse = op.integer("reverse", 0) != 0;
  return [=, lines = std::move(lines), region = op.regions[0], operands = op.operands,
          results = op.results](Frame& frame) {
    size_t n = operands.size();
    std::vector<Lanes> scanned;
    for (int operand : operands)
      scanned.push_back(frame[operand]);
    Tuple sum(n), next(n), result(n);
    for (const Line& line : lines)
      for (size_t step = 0; step < line.length; ++step) {
        size_t at = line[reverse ? line.length - 1 - step : step];
        for (size_t k = 0; k < n; ++k)
          next[k] = scanned[k][at];
        if (step == 0) {
          sum = next;
          continue;
        }
        combine(frame, *region, sum, next, result);
        sum = result;
        for (size_t k = 0; k < n; ++k)
          scanned[k][at] = sum[k];
      }
    for (size_t k = 0; k < n; ++k)
      frame[results[k]] = std::move(scanned[k]);
  };
}

/// The region takes `pack` neighbours of each source, source by source, and returns as many of each result.
Step mapElementwise(const Operation& op) {
  auto pack = static_cast<size_t>(op.integer("pack", 1));
  return [pack, region = op.regions[0], operands = op.operands, results = op.results](Frame& frame) {
    const std::vector<int>& arguments = region->blocks[0].arguments;
    size_t count = frame[operands[0]].size();
    std::vector<Lanes> mapped(results.size(), Lanes(count));
    for (size_t i = 0; i < count; i += pack) {
      for (size_t k = 0; k < operands.size(); ++k)
        for (size_t p = 0; p < pack; ++p)
          frame[arguments[k * pack + p]].assign(1, frame[operands[k]][i + p]);
      const std::vector<int>& returned = execute(frame, *region);
      for (size_t k = 0; k < results.size(); ++k)
        for (size_t p = 0; p < pack; ++p)
          mapped[k][i + p] = frame[returned[k * pack + p]][0];
    }
    for (size_t k = 0; k < results.size(); ++k)
      frame[results[k]] = std::move(mapped[k]);
  };
}

} // namespace

void addReductions(StepTable& t) {
  t["tt.reduce"] = reduce;
  t["tt.scan"] = scan;
  t["tt.map_elementwise"] = mapElementwise;
}

} // namespace tuned::reference
