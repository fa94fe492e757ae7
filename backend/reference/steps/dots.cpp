// Matrix products. Sums of floats are kept in double and rounded once, so that the evaluator is closer to the
// true product than any device it judges.
#include "backend/reference/steps/map.h"

#include <cmath>

namespace tuned::reference {
namespace {

struct Extents {
  size_t batch = 1, m, n, k;
};

/// From A's [batch,] M x K and D's [batch,] M x N.
Extents extents(const std::vector<int64_t>& d, size_t k) {
  size_t rank = d.size();
  Extents e{1, static_cast<size_t>(d[rank - 2]), static_cast<size_t>(d[rank - 1]), k};
  if (rank == 3) e.batch = static_cast<size_t>(d[0]);
  return e;
}

/// sums[m][n] += a[m][k] * b[k][n], batch by batch.
template <typename T> void multiply(const Extents& e, const T* a, const T* b, T* sums) {
  for (size_t row = 0; row < e.batch * e.m; ++row) {
    const T* slab = b + row / e.m * e.k * e.n;
    T* out = sums + row * e.n;
    for (size_t k = 0; k < e.k; ++k) {
      T left = a[row * e.k + k];
      for (size_t n = 0; n < e.n; ++n)
        out[n] += left * slab[k * e.n + n];
    }
  }
}

std::vector<double> numbers(const Lanes& lanes, Kind kind, bool tf32) {
  std::vector<double> values(lanes.size());
  for (size_t i = 0; i < lanes.size(); ++i)
    values[i] = tf32 ? truncateToTf32(asFloat(lanes[i])) : toDouble(kind, lanes[i]);
  return values;
}

void addProduct(const Extents& e, const std::vector<double>& a, const std::vector<double>& b, const Lanes& c,
                Kind kind, Lanes& out) {
  std::vector<double> sums(c.size());
  for (size_t i = 0; i < c.size(); ++i)
    sums[i] = toDouble(kind, c[i]);
  multiply(e, a.data(), b.data(), sums.data());
  out.resize(sums.size());
  for (size_t i = 0; i < sums.size(); ++i)
    out[i] = fromDouble(kind, sums[i]);
}

/// 8-bit integers are signed and the sum wraps.
void addIntegerProduct(const Extents& e, const Lanes& a, const Lanes& b, Kind source, Kind kind,
                       const Lanes& c, Lanes& out) {
  Lanes left(a), right(b), sums(c);
  for (uint64_t& x : left)
    x = static_cast<uint64_t>(signedValue(source, x));
  for (uint64_t& x : right)
    x = static_cast<uint64_t>(signedValue(source, x));
  multiply(e, left.data(), right.data(), sums.data());
  for (uint64_t& x : sums)
    x &= mask(kind);
  out = std::move(sums);
}

/// inputPrecision tf32 cuts f32 operands; tf32x3, bf16x3 and bf16x6 stand for nearly f32 and are computed
/// as f32.
Step dot(const Operation& op) {
  Extents e = extents(op.resultTypes[0].shape, static_cast<size_t>(op.operandTypes[0].shape.back()));
  Kind left = op.operandTypes[0].kind, right = op.operandTypes[1].kind, kind = op.resultTypes[0].kind;
  bool tf32 = left == Kind::F32 && op.integer("inputPrecision", 2) == 0;
  return [=, operands = op.operands, r = op.results[0]](Frame& frame) {
    const Lanes &a = frame[operands[0]], &b = frame[operands[1]], &c = frame[operands[2]];
    if (isFloat(left))
      addProduct(e, numbers(a, left, tf32), numbers(b, right, tf32), c, kind, frame[r]);
    else
      addIntegerProduct(e, a, b, left, kind, c, frame[r]);
  };
}

/// One operand of a scaled dot as numbers in row-major order, K doubled where two values share a byte.
struct ScaledOperand {
  int64_t format; ///< e4m3 0, e5m2 1, e2m3 2, e3m2 3, e2m1 4, bf16 5, fp16 6
  Kind kind;
  std::vector<int64_t> shape; ///< as stored
  bool packedAlongK;
  bool isLeft;      ///< K is the last dimension of A and the one before of B
  int value, scale; ///< slots; scale -1: none
  std::vector<int64_t> scaleShape;

  bool packed() const { return format == 4; }
  bool alongLast() const {
    return isLeft == packedAlongK;
  } ///< packed values are neighbours in the last dimension
  std::vector<int64_t> unpackedShape() const {
    std::vector<int64_t> s = shape;
    if (packed()) s[s.size() - (alongLast() ? 1 : 2)] *= 2;
    return s;
  }
};

/// e2m1: sign, two exponent bits, one mantissa bit.
double decodeE2M1(uint64_t bits) {
  constexpr double kMagnitude[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  return bits & 8 ? -kMagnitude[bits & 7] : kMagnitude[bits & 7];
}

double element(const ScaledOperand& operand, uint64_t bits) {
  switch (operand.format) {
  case 0:
    return toDouble(Kind::F8E4M3FN, bits);
  case 1:
    return toDouble(Kind::F8E5M2, bits);
  case 5:
    return toDouble(Kind::BF16, bits);
  default:
    return toDouble(Kind::F16, bits);
  }
}

/// e8m0: a power of two; 255 is NaN.
double decodeScale(uint64_t bits) {
  return bits == 255 ? __builtin_nan("") : std::ldexp(1.0, static_cast<int>(bits) - 127);
}

/// Scales are [rows or columns, K / group] for both operands. 16-bit operands that meet scaled ones are
/// exact; a scaled value is rounded to bf16 (fp16 beside fp16 operands), as the upcast to a 16-bit dot does.
std::vector<double> unpack(Frame& frame, const ScaledOperand& o, Kind computed) {
  std::vector<int64_t> shape = o.unpackedShape();
  size_t rank = shape.size(), rows = static_cast<size_t>(shape[rank - 2]),
         columns = static_cast<size_t>(shape[rank - 1]);
  const Lanes& lanes = frame[o.value];
  std::vector<double> values(o.packed() ? lanes.size() * 2 : lanes.size());
  size_t k = o.isLeft ? columns : rows, free = o.isLeft ? rows : columns;
  size_t groups = o.scale < 0 ? 1 : static_cast<size_t>(o.scaleShape.back());
  for (size_t i = 0; i < values.size(); ++i) {
    size_t slab = i / (rows * columns), row = i / columns % rows, column = i % columns;
    if (!o.packed()) {
      values[i] = element(o, lanes[i]);
    } else {
      size_t from = o.alongLast() ? i / 2 : slab * (rows / 2) * columns + row / 2 * columns + column;
      size_t half = o.alongLast() ? column % 2 : row % 2;
      values[i] = decodeE2M1(lanes[from] >> (4 * half) & 15);
    }
    if (o.scale < 0) continue;
    size_t along = o.isLeft ? column : row, across = o.isLeft ? row : column;
    uint64_t scale = frame[o.scale][(slab * free + across) * groups + along / (k / groups)];
    values[i] = toDouble(computed, fromDouble(computed, values[i] * decodeScale(scale)));
  }
  return values;
}

Step dotScaled(const Operation& op) {
  const std::vector<int64_t>& present =
      op.attributes.at("operandSegmentSizes").integers; // a b c a_scale b_scale
  int aScale = present[3] ? op.operands[3] : -1;
  int bScale = present[4] ? op.operands[static_cast<size_t>(3 + present[3])] : -1;
  auto make = [&](size_t at, const char* format, const char* pack, int scale) {
    ScaledOperand o{op.integer(format, 0),
                    op.operandTypes[at].kind,
                    op.operandTypes[at].shape,
                    op.integer(pack, 1) != 0,
                    at == 0,
                    op.operands[at],
                    scale,
                    {}};
    for (size_t i = 3; i < op.operands.size(); ++i)
      if (op.operands[i] == scale) o.scaleShape = op.operandTypes[i].shape;
    if (o.format == 2 || o.format == 3) unsupported(op, "6-bit operands");
    return o;
  };
  ScaledOperand a = make(0, "a_elem_type", "lhs_k_pack", aScale),
                b = make(1, "b_elem_type", "rhs_k_pack", bScale);
  Kind computed = a.format == 6 || b.format == 6 ? Kind::F16 : Kind::BF16;
  Extents e = extents(op.resultTypes[0].shape, static_cast<size_t>(a.unpackedShape().back()));
  return [=, c = op.operands[2], kind = op.resultTypes[0].kind, r = op.results[0]](Frame& frame) {
    addProduct(e, unpack(frame, a, computed), unpack(frame, b, computed), frame[c], kind, frame[r]);
  };
}

} // namespace

void addDots(StepTable& t) {
  t["tt.dot"] = dot;
  t["tt.dot_scaled"] = dotScaled;
}

} // namespace tuned::reference
