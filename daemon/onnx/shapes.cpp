#include "daemon/onnx/shapes.h"

#include "daemon/onnx/operators.h"

#include <nlohmann/json.hpp>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>
#include <set>

namespace tuned::onnx_model {
namespace {

using nlohmann::json;

std::unexpected<Error> wrong(const std::string& what, const std::string& remedy = {}) {
  return fail(ErrorKind::InvalidInput, "ONNX model: " + what, remedy);
}

void fixKnown(onnx::ValueInfoProto& value, const std::map<std::string, int64_t>& given) {
  if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) return;
  for (auto& dimension : *value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim())
    if (dimension.has_dim_param())
      if (auto size = given.find(dimension.dim_param()); size != given.end())
        dimension.set_dim_value(size->second);
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
  // What an exporter wrote of the tensors inside goes before what inference finds: it gets the sizes too.
  for (auto* list : {graph.mutable_value_info(), graph.mutable_output()})
    for (auto& value : *list)
      fixKnown(value, given);
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
  const Graph graph(model.graph());
  Collector collector(graph, options.type);
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
