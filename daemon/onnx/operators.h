/// The kernels of the library that do an operator, or several operators in one.
#pragma once

#include "daemon/onnx/graph.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace tuned::onnx_model {

class Collector {
public:
  /// `type`: what products run in; empty: as the tensors are.
  Collector(const Graph& graph, std::string type) : graph_(graph), type_(std::move(type)) {}

  void visit(const onnx::NodeProto& node);

  /// A manifest's entries, each once.
  nlohmann::json entries() const;
  /// What was left out, and why.
  nlohmann::json notes() const;

private:
  std::string typeOf(const Tensor& tensor) const;
  bool add(const std::string& kernel, const nlohmann::json& sizes);
  bool addProduct(const Tensor& a, int64_t m, int64_t n, int64_t k, const onnx::NodeProto* activation);
  bool addAttention(const std::string& type, int64_t batch, int64_t heads, int64_t shared, int64_t tokens,
                    int64_t head, bool causal);
  const onnx::NodeProto* activationOf(const onnx::NodeProto& product, int64_t columns) const;
  void fusedAttention(const onnx::NodeProto& softmax);

  bool matmul(const onnx::NodeProto& node);
  bool gemm(const onnx::NodeProto& node);
  bool attention(const onnx::NodeProto& node);
  bool packedAttention(const onnx::NodeProto& node);
  bool softmax(const onnx::NodeProto& node);
  bool layerNorm(const onnx::NodeProto& node);
  bool elementwise(const onnx::NodeProto& node);

  const Graph& graph_;
  const std::string type_;
  std::set<std::pair<std::string, std::string>> entries_; ///< kernel and sizes
  std::vector<const onnx::NodeProto*> without_;           ///< no kernel does them by themselves
  std::set<const onnx::NodeProto*> covered_;              ///< an entry's kernel does them beside its product
  std::map<std::string, int> unknown_;                    ///< operators whose shapes are not known, how often
};

} // namespace tuned::onnx_model
