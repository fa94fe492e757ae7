#include "daemon/onnx/operators.h"

namespace tuned::onnx_model {

using nlohmann::json;

void Collector::visit(const onnx::NodeProto& node) {
  using Handler = bool (Collector::*)(const onnx::NodeProto&);
  static const std::map<std::string, Handler> handlers = {
      {"MatMul", &Collector::matmul},       {"Gemm", &Collector::gemm},
      {"Attention", &Collector::attention}, {"Softmax", &Collector::softmax},
      {"LogSoftmax", &Collector::softmax},  {"LayerNormalization", &Collector::layerNorm},
      {"Relu", &Collector::elementwise},    {"Add", &Collector::elementwise},
  };
  auto handler = handlers.find(node.op_type());
  if (handler == handlers.end()) {
    without_.push_back(&node);
    return;
  }
  if (!(this->*handler->second)(node)) ++unknown_[node.op_type()];
}

json Collector::entries() const {
  json out = json::array();
  for (const auto& [kernel, sizes] : entries_)
    out.push_back({{"kernel", kernel}, {"sizes", json::parse(sizes)}});
  return out;
}

json Collector::notes() const {
  std::map<std::string, int> without;
  for (const onnx::NodeProto* node : without_)
    if (!covered_.contains(node)) ++without[node->op_type()];
  json out = json::array();
  for (const auto& [what, list] :
       {std::pair{"no kernel for ", &std::as_const(without)}, {"shapes not known of ", &unknown_}})
    for (const auto& [op, count] : *list)
      out.push_back(what + op + " (" + std::to_string(count) + ")");
  return out;
}

/// "f16", "bf16", "f32"; empty for others.
std::string Collector::typeOf(const Tensor& tensor) const {
  if (!type_.empty()) return type_;
  if (tensor.type == onnx::TensorProto::FLOAT16) return "f16";
  if (tensor.type == onnx::TensorProto::BFLOAT16) return "bf16";
  return tensor.type == onnx::TensorProto::FLOAT ? "f32" : "";
}

bool Collector::add(const std::string& kernel, const json& sizes) {
  for (const auto& [name, value] : sizes.items())
    if (value.get<int64_t>() < 1) return false;
  entries_.emplace(kernel, sizes.dump());
  return true;
}

/// `activation`: what is made of the product and its bias, or null. The library has a bias with Relu for f16
/// and f32, with Gelu for f16; else the plain product stands for it.
bool Collector::addProduct(const Tensor& a, int64_t m, int64_t n, int64_t k,
                           const onnx::NodeProto* activation) {
  const std::string type = typeOf(a), op = activation ? activation->op_type() : "";
  if (type.empty()) return false;
  std::string kernel = "matmul_" + type;
  if (op == "Relu" && type != "bf16") kernel += "_bias_relu";
  if (op == "Gelu" && type == "f16") kernel += "_bias_gelu";
  if (!add(kernel, {{"M", m}, {"N", n}, {"K", k}})) return false;
  if (kernel.ends_with("lu")) covered_.insert(activation);
  return true;
}

/// The operator that takes the product's sum with a row of `columns` values, where nothing else is made of
/// either; else null.
const onnx::NodeProto* Collector::activationOf(const onnx::NodeProto& product, int64_t columns) const {
  if (product.op_type() == "Gemm") return product.input_size() < 3 ? nullptr : graph_.onlyConsumer(product);
  const onnx::NodeProto* sum = graph_.onlyConsumer(product);
  if (!sum || sum->op_type() != "Add") return nullptr;
  const Tensor* bias = graph_.input(*sum, sum->input(0) == product.output(0) ? 1 : 0);
  return bias && bias->shape == Shape{columns} ? graph_.onlyConsumer(*sum) : nullptr;
}

/// Leading dimensions of a are rows where b is a single matrix; else each pair is a product of its own.
bool Collector::matmul(const onnx::NodeProto& node) {
  const Tensor *a = graph_.input(node, 0), *b = graph_.input(node, 1);
  if (!a || !b || a->shape.size() < 2 || b->shape.size() < 2) return false;
  if (a->shape.back() != b->shape[b->shape.size() - 2]) return false;
  const size_t rank = a->shape.size();
  const bool single = b->shape.size() == 2;
  const int64_t m = single ? product(a->shape, 0, rank - 1) : a->shape[rank - 2];
  return addProduct(*a, m, b->shape.back(), a->shape.back(),
                    single ? activationOf(node, b->shape.back()) : nullptr);
}

bool Collector::gemm(const onnx::NodeProto& node) {
  const Tensor *a = graph_.input(node, 0), *b = graph_.input(node, 1);
  if (!a || !b || a->shape.size() != 2 || b->shape.size() != 2) return false;
  const bool left = attribute(node, "transA", 0) != 0, right = attribute(node, "transB", 0) != 0;
  if (a->shape[left ? 0 : 1] != b->shape[right ? 1 : 0]) return false;
  const int64_t n = b->shape[right ? 0 : 1];
  return addProduct(*a, a->shape[left ? 1 : 0], n, a->shape[left ? 0 : 1], activationOf(node, n));
}

/// Over the last axis only.
bool Collector::softmax(const onnx::NodeProto& node) {
  const Tensor* x = graph_.input(node, 0);
  if (!x || x->shape.empty()) return false;
  const auto rank = static_cast<int64_t>(x->shape.size());
  const int64_t axis = attribute(node, "axis", -1);
  if (axis != -1 && axis != rank - 1) return false;
  if (node.op_type() == "Softmax") fusedAttention(node);
  return add("softmax", {{"n_rows", product(x->shape, 0, x->shape.size() - 1)}, {"n_cols", x->shape.back()}});
}

bool Collector::layerNorm(const onnx::NodeProto& node) {
  const Tensor* x = graph_.input(node, 0);
  if (!x || x->shape.empty() || typeOf(*x).empty()) return false;
  const auto rank = static_cast<int64_t>(x->shape.size());
  const int64_t axis = attribute(node, "axis", -1);
  const auto split = static_cast<size_t>(axis < 0 ? std::max<int64_t>(0, axis + rank) : std::min(axis, rank));
  return add("layer_norm_" + typeOf(*x), {{"n_rows", product(x->shape, 0, split)},
                                          {"n_cols", product(x->shape, split, x->shape.size())}});
}

bool Collector::elementwise(const onnx::NodeProto& node) {
  const Tensor* x = graph_.input(node, 0);
  if (!x) return false;
  if (node.op_type() == "Add") {
    // A bias is no sum of two tensors of one shape.
    const Tensor* y = graph_.input(node, 1);
    if (!y) return false;
    if (x->shape != y->shape) return true;
  }
  return add(node.op_type() == "Add" ? "add" : "relu",
             {{"n_elements", product(x->shape, 0, x->shape.size())}});
}

} // namespace tuned::onnx_model
