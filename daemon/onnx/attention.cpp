// Attention: as one operator of either set that has it, or spelled out in products and a softmax.
#include "daemon/onnx/operators.h"

#include <algorithm>
#include <array>

namespace tuned::onnx_model {
namespace {

/// What may stand between the scores and their softmax.
constexpr std::array between = {"Mul", "Div", "Add", "Cast", "Where"};
constexpr int mostBetween = 4;

constexpr std::array<int64_t, 5> heads = {16, 32, 64, 128, 256}; ///< sizes that the library's kernels take

bool hasKernel(const std::string& type, int64_t head) {
  return type != "f32" && std::ranges::find(heads, head) != heads.end();
}

} // namespace

/// Precondition: the library has a kernel.
bool Collector::addAttention(const std::string& type, int64_t batch, int64_t queryHeads, int64_t keyHeads,
                             int64_t tokens, int64_t head, bool causal) {
  if (keyHeads < 1 || queryHeads % keyHeads != 0) return false;
  return add(std::string("attention_") + (causal ? "causal_" : "") + type,
             {{"Z", batch}, {"H", queryHeads}, {"HKV", keyHeads}, {"N", tokens}, {"D", head}});
}

/// MatMul, up to four operators, Softmax, MatMul on tensors of (batch, heads, tokens, head).
void Collector::fusedAttention(const onnx::NodeProto& softmax) {
  const onnx::NodeProto* scores = graph_.producer(softmax.input(0));
  std::set<const onnx::NodeProto*> passed;
  for (int i = 0; scores && i < mostBetween && std::ranges::count(between, scores->op_type()); ++i) {
    // A mask comes from a weight or an input, the scores from a product, on whichever side.
    const onnx::NodeProto* next = nullptr;
    for (const std::string& input : scores->input())
      if (const Tensor* tensor = graph_.tensor(input); !next && tensor && tensor->shape.size() == 4)
        next = graph_.producer(input);
    passed.insert(scores);
    scores = next;
  }
  const onnx::NodeProto* values = graph_.onlyConsumer(softmax);
  if (!scores || !values || scores->op_type() != "MatMul" || values->op_type() != "MatMul") return;
  if (values->input(0) != softmax.output(0)) return;
  const Tensor *q = graph_.input(*scores, 0), *k = graph_.input(*scores, 1), *v = graph_.input(*values, 1);
  if (!q || !k || !v || q->shape.size() != 4 || k->shape.size() != 4 || q->shape != v->shape) return;
  if (k->shape[2] != q->shape[3] || k->shape[3] != q->shape[2]) return;
  if (typeOf(*q).empty() || !hasKernel(typeOf(*q), q->shape[3])) return;
  if (addAttention(typeOf(*q), q->shape[0], q->shape[1], q->shape[1], q->shape[2], q->shape[3], false))
    covered_.merge(passed);
}

/// ONNX's own (from version 23): q, k and v of (batch, heads, tokens, head), or of (batch, tokens, heads ·
/// head) with the numbers of heads as attributes.
bool Collector::attention(const onnx::NodeProto& node) {
  if (node.domain() == "com.microsoft") return packedAttention(node);
  const Tensor *q = graph_.input(node, 0), *k = graph_.input(node, 1), *v = graph_.input(node, 2);
  if (!q || !k || !v || q->shape.size() != k->shape.size() || k->shape != v->shape) return false;
  const std::string type = typeOf(*q);
  const bool causal = attribute(node, "is_causal", 0) != 0;
  if (type.empty()) return false;
  if (q->shape.size() == 4) {
    // Neither keys kept from before nor sizes beyond the library's are unknown shapes: there is no kernel.
    if (q->shape[2] != k->shape[2] || !hasKernel(type, q->shape[3])) return true;
    return addAttention(type, q->shape[0], q->shape[1], k->shape[1], q->shape[2], q->shape[3], causal);
  }
  const int64_t queryHeads = attribute(node, "q_num_heads", 0), keyHeads = attribute(node, "kv_num_heads", 0);
  if (q->shape.size() != 3 || queryHeads < 1 || keyHeads < 1 || q->shape[2] % queryHeads != 0) return false;
  if (q->shape[1] != k->shape[1] || !hasKernel(type, q->shape[2] / queryHeads)) return true;
  return addAttention(type, q->shape[0], queryHeads, keyHeads, q->shape[1], q->shape[2] / queryHeads, causal);
}

/// onnxruntime's: input (batch, tokens, hidden), weights (hidden, queries + keys + values).
bool Collector::packedAttention(const onnx::NodeProto& node) {
  const Tensor *x = graph_.input(node, 0), *weights = graph_.input(node, 1);
  const int64_t count = attribute(node, "num_heads", 0);
  if (!x || !weights || x->shape.size() != 3 || weights->shape.size() != 2 || count < 1) return false;
  if (count > weights->shape[1] / 3) return false;
  const int64_t batch = x->shape[0], tokens = x->shape[1], packed = weights->shape[1];
  const std::string type = typeOf(*x);
  if (!addProduct(*x, product(x->shape, 0, 2), packed, x->shape[2], nullptr)) return false;
  if (packed % (3 * count) == 0 && hasKernel(type, packed / (3 * count)))
    return addAttention(type, batch, count, count, tokens, packed / (3 * count),
                        attribute(node, "unidirectional", 0) != 0);
  return add("softmax", {{"n_rows", product({batch, count, tokens}, 0, 3)}, {"n_cols", tokens}});
}

} // namespace tuned::onnx_model
