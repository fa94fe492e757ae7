/// An ONNX graph as the readers of its operators see it: shapes by name, who makes a tensor and who takes it.
#pragma once

#include <cstdint>
#include <map>
#include <onnx/onnx_pb.h>
#include <string>
#include <vector>

namespace tuned::onnx_model {

using Shape = std::vector<int64_t>;

struct Tensor {
  Shape shape; ///< every size known and at least 1
  int type = onnx::TensorProto::UNDEFINED;
};

class Graph {
public:
  /// `graph` must outlive this, unchanged, and have its shapes inferred. Tensors of an open shape are not
  /// kept.
  explicit Graph(const onnx::GraphProto& graph);

  /// Null: there is no such input, or its shape is not known.
  const Tensor* input(const onnx::NodeProto& node, int i) const;
  const Tensor* tensor(const std::string& name) const;
  /// Null: an input of the graph or a weight.
  const onnx::NodeProto* producer(const std::string& name) const;
  /// Of the node's first output. Null: there is none, none takes it, or more than one do.
  const onnx::NodeProto* onlyConsumer(const onnx::NodeProto& node) const;

private:
  void add(const onnx::ValueInfoProto& value);

  std::map<std::string, Tensor> tensors_;
  std::map<std::string, const onnx::NodeProto*> producers_;
  std::map<std::string, std::vector<const onnx::NodeProto*>> consumers_;
};

/// Of sizes `from` to `to`, without `to`; 0 where it does not fit 64 bits.
int64_t product(const Shape& shape, size_t from, size_t to);
int64_t attribute(const onnx::NodeProto& node, const char* name, int64_t absent);

} // namespace tuned::onnx_model
