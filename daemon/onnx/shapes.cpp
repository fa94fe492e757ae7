#include "daemon/onnx/shapes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>
#include <optional>
#include <set>
#include <vector>

namespace tuned::onnx_model {
namespace {

using nlohmann::json;
using Shape = std::vector<int64_t>;

struct Tensor {
  Shape shape;
  int type = onnx::TensorProto::UNDEFINED;
};

std::unexpected<Error> wrong(const std::string& what, const std::string& remedy = {}) {
  return fail(ErrorKind::InvalidInput, "ONNX model: " + what, remedy);
}

/// Gives the graph's inputs the asked sizes. What stays open is an error, by name.
Result<void> fixDimensions(onnx::GraphProto& graph, const std::map<std::string, int64_t>& given) {
  std::set<std::string> used;
  for (auto& input : *graph.mutable_input()) {
    if (!input.type().has_tensor_type()) continue;
    auto* shape = input.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (int i = 0; i < shape->dim_size(); ++i) {
      auto* dimension = shape->mutable_dim(i);
      if (dimension->has_dim_value() && dimension->dim_value() > 0) continue;
      const std::string name = dimension->has_dim_param() ? dimension->dim_param() : "";
      auto value = given.find(name);
      if (value == given.end())
        return wrong("input '" + input.name() + "' has the dynamic dimension " +
                         (name.empty() ? std::to_string(i) + ", which has no name" : "'" + name + "'"),
                     name.empty() ? "export it with a fixed size or with a name"
                                  : "say --dimension " + name + "=N");
      used.insert(name);
      dimension->set_dim_value(value->second);
    }
  }
  for (const auto& [name, value] : given)
    if (!used.contains(name)) return wrong("it has no dynamic dimension '" + name + "'");
  return {};
}

/// Inference gives up at the first operator of a set that the model does not import: those are imported here,
/// and stay without a shape.
void importMissingSets(onnx::ModelProto& model) {
  std::set<std::string> imported;
  for (const auto& each : model.opset_import())
    imported.insert(each.domain());
  for (const auto& node : model.graph().node())
    if (imported.insert(node.domain()).second) {
      auto* set = model.add_opset_import();
      set->set_domain(node.domain());
      set->set_version(1);
    }
}

std::map<std::string, Tensor> tensorsOf(const onnx::GraphProto& graph) {
  std::map<std::string, Tensor> tensors;
  auto add = [&](const onnx::ValueInfoProto& value) {
    if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) return;
    Tensor tensor{{}, value.type().tensor_type().elem_type()};
    for (const auto& dimension : value.type().tensor_type().shape().dim()) {
      if (!dimension.has_dim_value() || dimension.dim_value() < 1) return;
      tensor.shape.push_back(dimension.dim_value());
    }
    tensors[value.name()] = std::move(tensor);
  };
  for (const auto* list : {&graph.input(), &graph.output(), &graph.value_info()})
    for (const auto& value : *list)
      add(value);
  for (const auto& weight : graph.initializer())
    tensors[weight.name()] = {{weight.dims().begin(), weight.dims().end()}, weight.data_type()};
  return tensors;
}

int64_t product(const Shape& shape, size_t from, size_t to) {
  int64_t out = 1;
  for (size_t i = from; i < to; ++i)
    if (__builtin_mul_overflow(out, shape[i], &out)) return 0;
  return out;
}

int64_t attribute(const onnx::NodeProto& node, const char* name, int64_t absent) {
  for (const auto& each : node.attribute())
    if (each.name() == name) return each.i();
  return absent;
}

/// Gathers the manifest's entries; each once.
class Collector {
public:
  Collector(const std::map<std::string, Tensor>& tensors, const Options& options)
      : tensors_(tensors), options_(options) {}

  void visit(const onnx::NodeProto& node) {
    using Handler = bool (Collector::*)(const onnx::NodeProto&);
    static const std::map<std::string, Handler> handlers = {
        {"MatMul", &Collector::matmul},       {"Gemm", &Collector::gemm},
        {"Attention", &Collector::attention}, {"Softmax", &Collector::softmax},
        {"LogSoftmax", &Collector::softmax},  {"LayerNormalization", &Collector::layerNorm},
        {"Relu", &Collector::elementwise},    {"Add", &Collector::elementwise},
    };
    auto handler = handlers.find(node.op_type());
    if (handler == handlers.end()) {
      ++without_[node.op_type()];
      return;
    }
    if (!(this->*handler->second)(node)) ++unknown_[node.op_type()];
  }

  json entries() const {
    json out = json::array();
    for (const auto& [kernel, sizes] : entries_)
      out.push_back({{"kernel", kernel}, {"sizes", json::parse(sizes)}});
    return out;
  }

  json notes() const {
    json out = json::array();
    for (const auto& [what, list] :
         {std::pair{"no kernel for ", &without_}, {"shapes not known of ", &unknown_}})
      for (const auto& [op, count] : *list)
        out.push_back(what + op + " (" + std::to_string(count) + ")");
    return out;
  }

private:
  const Tensor* input(const onnx::NodeProto& node, int i) const {
    if (i >= node.input_size()) return nullptr;
    auto found = tensors_.find(node.input(i));
    return found == tensors_.end() ? nullptr : &found->second;
  }

  /// "f16", "bf16", "f32"; empty for others.
  std::string typeOf(const Tensor& tensor) const {
    if (!options_.type.empty()) return options_.type;
    if (tensor.type == onnx::TensorProto::FLOAT16) return "f16";
    if (tensor.type == onnx::TensorProto::BFLOAT16) return "bf16";
    return tensor.type == onnx::TensorProto::FLOAT ? "f32" : "";
  }

  bool add(const std::string& kernel, const json& sizes) {
    for (const auto& [name, value] : sizes.items())
      if (value.get<int64_t>() < 1) return false;
    entries_.emplace(kernel, sizes.dump());
    return true;
  }

  bool addProduct(const Tensor& a, int64_t m, int64_t n, int64_t k) {
    const std::string type = typeOf(a);
    return !type.empty() && add("matmul_" + type, {{"M", m}, {"N", n}, {"K", k}});
  }

  /// Leading dimensions of a are rows where b is a single matrix; else each pair is a product of its own.
  bool matmul(const onnx::NodeProto& node) {
    const Tensor *a = input(node, 0), *b = input(node, 1);
    if (!a || !b || a->shape.size() < 2 || b->shape.size() < 2) return false;
    if (a->shape.back() != b->shape[b->shape.size() - 2]) return false;
    size_t rank = a->shape.size();
    int64_t m = b->shape.size() == 2 ? product(a->shape, 0, rank - 1) : a->shape[rank - 2];
    return addProduct(*a, m, b->shape.back(), a->shape.back());
  }

  bool gemm(const onnx::NodeProto& node) {
    const Tensor *a = input(node, 0), *b = input(node, 1);
    if (!a || !b || a->shape.size() != 2 || b->shape.size() != 2) return false;
    bool left = attribute(node, "transA", 0) != 0, right = attribute(node, "transB", 0) != 0;
    if (a->shape[left ? 0 : 1] != b->shape[right ? 1 : 0]) return false;
    return addProduct(*a, a->shape[left ? 1 : 0], b->shape[right ? 0 : 1], a->shape[left ? 0 : 1]);
  }

  /// onnxruntime's: input (batch, sequence, hidden), weights (hidden, queries + keys + values).
  bool attention(const onnx::NodeProto& node) {
    const Tensor *x = input(node, 0), *weights = input(node, 1);
    int64_t heads = attribute(node, "num_heads", 0);
    if (!x || !weights || x->shape.size() != 3 || weights->shape.size() != 2 || heads < 1) return false;
    int64_t batch = x->shape[0], tokens = x->shape[1];
    return addProduct(*x, batch * tokens, weights->shape[1], x->shape[2]) &&
           add("softmax", {{"n_rows", batch * heads * tokens}, {"n_cols", tokens}});
  }

  /// Over the last axis only.
  bool softmax(const onnx::NodeProto& node) {
    const Tensor* x = input(node, 0);
    if (!x || x->shape.empty()) return false;
    auto rank = static_cast<int64_t>(x->shape.size());
    int64_t axis = attribute(node, "axis", -1);
    if (axis != -1 && axis != rank - 1) return false;
    return add("softmax",
               {{"n_rows", product(x->shape, 0, x->shape.size() - 1)}, {"n_cols", x->shape.back()}});
  }

  bool layerNorm(const onnx::NodeProto& node) {
    const Tensor* x = input(node, 0);
    if (!x || x->shape.empty() || typeOf(*x).empty()) return false;
    auto rank = static_cast<int64_t>(x->shape.size());
    int64_t axis = attribute(node, "axis", -1);
    size_t split = static_cast<size_t>(axis < 0 ? std::max<int64_t>(0, axis + rank) : std::min(axis, rank));
    return add("layer_norm_" + typeOf(*x), {{"n_rows", product(x->shape, 0, split)},
                                            {"n_cols", product(x->shape, split, x->shape.size())}});
  }

  bool elementwise(const onnx::NodeProto& node) {
    const Tensor* x = input(node, 0);
    if (!x) return false;
    if (node.op_type() == "Add") {
      // A bias is no sum of two tensors of one shape.
      const Tensor* y = input(node, 1);
      if (!y) return false;
      if (x->shape != y->shape) return true;
    }
    return add(node.op_type() == "Add" ? "add" : "relu",
               {{"n_elements", product(x->shape, 0, x->shape.size())}});
  }

  const std::map<std::string, Tensor>& tensors_;
  const Options& options_;
  std::set<std::pair<std::string, std::string>> entries_; ///< kernel and sizes
  std::map<std::string, int> without_, unknown_;          ///< operators left out, how often
};

} // namespace

Result<json> manifestOf(const std::string& bytes, const std::string& name, const Options& options) {
  onnx::ModelProto model;
  if (!model.ParseFromString(bytes) || !model.has_graph() || model.graph().node_size() == 0)
    return wrong(name + " is none, or holds no graph");
  if (auto fixed = fixDimensions(*model.mutable_graph(), options.dimensions); !fixed)
    return fail(fixed.error());
  importMissingSets(model);
  try {
    onnx::shape_inference::InferShapes(model);
  } catch (const std::exception& error) {
    return wrong(name + ": its shapes contradict each other: " + error.what());
  }
  auto tensors = tensorsOf(model.graph());
  Collector collector(tensors, options);
  for (const auto& node : model.graph().node())
    collector.visit(node);
  json entries = collector.entries();
  if (entries.empty()) {
    std::string notes;
    for (const auto& note : collector.notes())
      notes += (notes.empty() ? "" : ", ") + note.get<std::string>();
    return wrong(name + " has nothing that the library has a kernel for (" + notes + ")");
  }
  return json{{"name", name}, {"kernels", entries}, {"notes", collector.notes()}};
}

} // namespace tuned::onnx_model
