// Operations that only move elements: each is a table from result element to source element.
#include "backend/reference/steps/map.h"
#include "backend/reference/steps/strides.h"

#include <numeric>

namespace tuned::reference {
namespace {

Step move(int source, int result, std::vector<uint32_t> from) {
  return [=, from = std::move(from)](Frame& frame) {
    const Lanes& a = frame[source];
    Lanes& out = frame[result];
    out.resize(from.size());
    for (size_t i = 0; i < from.size(); ++i)
      out[i] = a[from[i]];
  };
}

Step keepOrder(const Operation& op) {
  return [x = op.operands[0], r = op.results[0]](Frame& frame) { frame[r] = frame[x]; };
}

Step splat(const Operation& op) {
  return [x = op.operands[0], r = op.results[0], n = op.resultTypes[0].elements()](Frame& frame) {
    frame[r].assign(n, frame[x][0]);
  };
}

Step makeRange(const Operation& op) {
  Lanes lanes(op.resultTypes[0].elements());
  std::iota(lanes.begin(), lanes.end(), static_cast<uint64_t>(op.integer("start", 0)));
  for (uint64_t& value : lanes)
    value &= mask(Kind::I32);
  return [lanes, r = op.results[0]](Frame& frame) { frame[r] = lanes; };
}

Step broadcast(const Operation& op) {
  const auto &shape = op.resultTypes[0].shape, &source = op.operandTypes[0].shape;
  std::vector<int64_t> strides = rowMajorStrides(source);
  std::vector<uint32_t> from(op.resultTypes[0].elements());
  for (size_t i = 0; i < from.size(); ++i) {
    std::vector<int64_t> at = coordinates(i, shape);
    for (size_t d = 0; d < at.size(); ++d)
      if (source[d] != 1) from[i] += static_cast<uint32_t>(at[d] * strides[d]);
  }
  return move(op.operands[0], op.results[0], std::move(from));
}

/// Dimension d of the result is dimension order[d] of the source.
Step transpose(const Operation& op) {
  const std::vector<int64_t>& order = op.attributes.at("order").integers;
  std::vector<int64_t> strides = rowMajorStrides(op.operandTypes[0].shape);
  std::vector<uint32_t> from(op.resultTypes[0].elements());
  for (size_t i = 0; i < from.size(); ++i) {
    std::vector<int64_t> at = coordinates(i, op.resultTypes[0].shape);
    for (size_t d = 0; d < at.size(); ++d)
      from[i] += static_cast<uint32_t>(at[d] * strides[static_cast<size_t>(order[d])]);
  }
  return move(op.operands[0], op.results[0], std::move(from));
}

Step cat(const Operation& op) {
  return [x = op.operands[0], y = op.operands[1], r = op.results[0]](Frame& frame) {
    Lanes joined = frame[x];
    joined.insert(joined.end(), frame[y].begin(), frame[y].end());
    frame[r] = std::move(joined);
  };
}

/// A new last dimension of 2.
Step join(const Operation& op) {
  return [x = op.operands[0], y = op.operands[1], r = op.results[0]](Frame& frame) {
    const Lanes &a = frame[x], &b = frame[y];
    Lanes& out = frame[r];
    out.resize(2 * a.size());
    for (size_t i = 0; i < a.size(); ++i)
      out[2 * i] = a[i], out[2 * i + 1] = b[i];
  };
}

Step split(const Operation& op) {
  return [x = op.operands[0], even = op.results[0], odd = op.results[1]](Frame& frame) {
    const Lanes& a = frame[x];
    frame[even].resize(a.size() / 2);
    frame[odd].resize(a.size() / 2);
    for (size_t i = 0; i < a.size() / 2; ++i)
      frame[even][i] = a[2 * i], frame[odd][i] = a[2 * i + 1];
  };
}

/// Element (…, i, …) of the result is element (…, indices(…, i, …), …) of the source along the axis.
Step gather(const Operation& op) {
  auto axis = static_cast<size_t>(op.integer("axis", 0));
  std::vector<Line> to = linesAlong(op.operandTypes[1].shape, axis);
  std::vector<Line> from = linesAlong(op.operandTypes[0].shape, axis);
  if (to.size() != from.size()) unsupported(op, "source and indices that differ off the axis");
  return [=, x = op.operands[0], y = op.operands[1], r = op.results[0],
          kind = op.operandTypes[1].kind](Frame& frame) {
    const Lanes &source = frame[x], &indices = frame[y];
    Lanes& out = frame[r];
    out.resize(indices.size());
    for (size_t l = 0; l < to.size(); ++l)
      for (size_t i = 0; i < to[l].length; ++i) {
        auto index = static_cast<size_t>(signedValue(kind, indices[to[l][i]]));
        if (index >= from[l].length)
          throw Failure{
              {ErrorKind::Faulted, "gather index " + std::to_string(signedValue(kind, indices[to[l][i]])) +
                                       " is outside the source's " + std::to_string(from[l].length)}};
        out[to[l][i]] = source[from[l][index]];
      }
  };
}

/// Counts of 0 … bins-1; values outside, and those whose mask is false, count nowhere.
Step histogram(const Operation& op) {
  int maskSlot = op.operands.size() > 1 ? op.operands[1] : -1;
  return [=, x = op.operands[0], r = op.results[0], bins = op.resultTypes[0].elements()](Frame& frame) {
    const Lanes& values = frame[x];
    Lanes& out = frame[r];
    out.assign(bins, 0);
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] < bins && (maskSlot < 0 || frame[maskSlot][i])) ++out[values[i]];
  };
}

} // namespace

void addShapes(StepTable& t) {
  t["tt.splat"] = splat;
  t["tt.unsplat"] = t["tt.expand_dims"] = t["tt.reshape"] = keepOrder;
  t["tt.make_range"] = makeRange;
  t["tt.broadcast"] = broadcast;
  t["tt.trans"] = transpose;
  t["tt.cat"] = cat;
  t["tt.join"] = join;
  t["tt.split"] = split;
  t["tt.gather"] = gather;
  t["tt.histogram"] = histogram;
}

} // namespace tuned::reference
