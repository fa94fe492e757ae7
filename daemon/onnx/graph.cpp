#include "daemon/onnx/graph.h"

namespace tuned::onnx_model {

Graph::Graph(const onnx::GraphProto& graph) {
  for (const auto* list : {&graph.input(), &graph.output(), &graph.value_info()})
    for (const auto& value : *list)
      add(value);
  for (const auto& weight : graph.initializer())
    tensors_[weight.name()] = {{weight.dims().begin(), weight.dims().end()}, weight.data_type()};
  for (const auto& node : graph.node()) {
    for (const auto& output : node.output())
      producers_.emplace(output, &node);
    for (const auto& input : node.input())
      if (!input.empty()) consumers_[input].push_back(&node); // empty: an optional input that is left out
  }
}

void Graph::add(const onnx::ValueInfoProto& value) {
  if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) return;
  Tensor tensor{{}, value.type().tensor_type().elem_type()};
  for (const auto& dimension : value.type().tensor_type().shape().dim()) {
    if (!dimension.has_dim_value() || dimension.dim_value() < 1) return;
    tensor.shape.push_back(dimension.dim_value());
  }
  tensors_[value.name()] = std::move(tensor);
}

const Tensor* Graph::tensor(const std::string& name) const {
  auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const Tensor* Graph::input(const onnx::NodeProto& node, int i) const {
  return i < node.input_size() ? tensor(node.input(i)) : nullptr;
}

const onnx::NodeProto* Graph::producer(const std::string& name) const {
  auto found = producers_.find(name);
  return found == producers_.end() ? nullptr : found->second;
}

const onnx::NodeProto* Graph::onlyConsumer(const onnx::NodeProto& node) const {
  if (node.output_size() == 0) return nullptr;
  auto found = consumers_.find(node.output(0));
  return found == consumers_.end() || found->second.size() != 1 ? nullptr : found->second.front();
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

} // namespace tuned::onnx_model
