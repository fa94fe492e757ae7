// Shapes of ONNX models become manifests; models that cannot be read, or are open, say so.
#include "daemon/onnx/shapes.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <onnx/onnx_pb.h>
#include <random>

using namespace tuned;
using nlohmann::json;
using onnx_model::manifestOf;

namespace {

void setShape(onnx::ValueInfoProto* value, const std::string& name, const std::vector<json>& shape) {
  value->set_name(name);
  auto* type = value->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT16);
  for (const json& each : shape) {
    auto* dimension = type->mutable_shape()->add_dim();
    if (each.is_string())
      dimension->set_dim_param(each.get<std::string>());
    else if (each.get<int64_t>() > 0)
      dimension->set_dim_value(each.get<int64_t>());
  }
}

onnx::NodeProto* addNode(onnx::GraphProto& graph, const std::string& op,
                         const std::vector<std::string>& inputs, const std::string& output) {
  auto* node = graph.add_node();
  node->set_op_type(op);
  for (const std::string& input : inputs)
    node->add_input(input);
  node->add_output(output);
  return node;
}

void addWeight(onnx::GraphProto& graph, const std::string& name, const std::vector<int64_t>& shape) {
  auto* weight = graph.add_initializer();
  weight->set_name(name);
  weight->set_data_type(onnx::TensorProto::FLOAT16);
  for (int64_t each : shape)
    weight->add_dims(each);
  weight->set_data_location(onnx::TensorProto::EXTERNAL); // and the file is not there
}

/// A layer: product with a weight, softmax, relu, an operator nobody has.
onnx::ModelProto model(const std::vector<json>& input) {
  onnx::ModelProto out;
  out.set_ir_version(8);
  auto* version = out.add_opset_import();
  version->set_domain("");
  version->set_version(17);
  auto& graph = *out.mutable_graph();
  graph.set_name("layer");
  setShape(graph.add_input(), "x", input);
  setShape(graph.add_output(), "y", {"batch", "tokens", 3072});
  addWeight(graph, "w", {768, 3072});
  addNode(graph, "MatMul", {"x", "w"}, "product");
  addNode(graph, "Softmax", {"product"}, "weights");
  addNode(graph, "Relu", {"weights"}, "positive");
  addNode(graph, "Erf", {"positive"}, "y");
  addNode(graph, "Mystery", {"y"}, "z")->set_domain("com.example");
  addNode(graph, "Softmax", {"z"}, "lost");
  return out;
}

std::string bytes(const onnx::ModelProto& model) {
  return model.SerializeAsString();
}

} // namespace

TEST_CASE("operators become kernels at their sizes; weights need not be there") {
  auto manifest =
      manifestOf(bytes(model({"batch", "tokens", 768})), "layer", {{{"batch", 8}, {"tokens", 197}}, ""});
  REQUIRE_MESSAGE(manifest, manifest.error().text());
  json expected = {
      {{"kernel", "matmul_f16"}, {"sizes", {{"M", 8 * 197}, {"N", 3072}, {"K", 768}}}},
      {{"kernel", "relu"}, {"sizes", {{"n_elements", 8 * 197 * 3072}}}},
      {{"kernel", "softmax"}, {"sizes", {{"n_rows", 8 * 197}, {"n_cols", 3072}}}},
  };
  CHECK((*manifest)["kernels"] == expected);
  const std::string notes = (*manifest)["notes"].dump();
  CHECK(notes.find("no kernel for Erf (1)") != std::string::npos);
  CHECK(notes.find("no kernel for Mystery (1)") != std::string::npos);
  CHECK(notes.find("shapes not known of Softmax (1)") != std::string::npos);
  auto other = manifestOf(bytes(model({1, 197, 768})), "layer", {{}, "bf16"});
  REQUIRE(other);
  CHECK((*other)["kernels"][0]["kernel"] == "matmul_bf16");
}

TEST_CASE("dynamic dimensions need values, by name") {
  auto open = manifestOf(bytes(model({"batch", 197, 768})), "layer", {});
  REQUIRE_FALSE(open);
  CHECK(open.error().kind == ErrorKind::InvalidInput);
  CHECK(open.error().text().find("--dimension batch=N") != std::string::npos);
  auto nameless = manifestOf(bytes(model({0, 197, 768})), "layer", {});
  REQUIRE_FALSE(nameless);
  CHECK(nameless.error().text().find("no name") != std::string::npos);
  auto unknown = manifestOf(bytes(model({1, 197, 768})), "layer", {{{"sequence", 3}}, ""});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().text().find("'sequence'") != std::string::npos);
}

TEST_CASE("shapes that do not fit, garbage, and models without anything for us") {
  onnx::ModelProto odd = model({1, 197, 768});
  odd.mutable_graph()->mutable_initializer(0)->set_dims(0, 512);
  CHECK(manifestOf(bytes(odd), "odd", {}).has_value() == false);
  CHECK_FALSE(manifestOf("", "empty", {}));
  CHECK_FALSE(manifestOf("{\"this\": \"is JSON\"}", "text", {}));
  std::mt19937 random(2);
  const std::string good = bytes(model({1, 197, 768}));
  for (int i = 0; i < 500; ++i) {
    std::string bad = good;
    for (int flips = 0; flips < 3; ++flips)
      bad[random() % bad.size()] = static_cast<char>(random());
    (void)manifestOf(bad, "bad", {}); // an error or a manifest, never the end
    (void)manifestOf(bad.substr(0, random() % bad.size()), "cut", {});
  }
  onnx::ModelProto none = model({1, 197, 768});
  none.mutable_graph()->clear_node();
  none.mutable_graph()->clear_output();
  addNode(*none.mutable_graph(), "Erf", {"x"}, "y");
  auto nothing = manifestOf(bytes(none), "none", {});
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().text().find("no kernel for Erf") != std::string::npos);
}

namespace {

void setNumber(onnx::NodeProto* node, const std::string& name, int64_t value) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

bool lists(const json& manifest, const json& entry) {
  for (const json& each : manifest.at("kernels"))
    if (each == entry) return true;
  return false;
}

/// Heads apart, a scale, a softmax and a second product; then a layer with a bias and an activation.
onnx::ModelProto transformer(const std::string& activation) {
  onnx::ModelProto out = model({"batch", "tokens", 768});
  auto& graph = *out.mutable_graph();
  graph.clear_node();
  graph.clear_input();
  graph.clear_output();
  for (const char* name : {"q", "v"})
    setShape(graph.add_input(), name, {"batch", 12, "tokens", 64});
  setShape(graph.add_input(), "k", {"batch", 12, 64, "tokens"});
  setShape(graph.add_input(), "x", {"batch", "tokens", 768});
  addWeight(graph, "scale", {1});
  addWeight(graph, "bias", {3072});
  addNode(graph, "MatMul", {"q", "k"}, "scores");
  addNode(graph, "Mul", {"scores", "scale"}, "scaled");
  addNode(graph, "Softmax", {"scaled"}, "weights");
  addNode(graph, "MatMul", {"weights", "v"}, "mixed");
  addNode(graph, "MatMul", {"x", "w"}, "product");
  addNode(graph, "Add", {"product", "bias"}, "sum");
  addNode(graph, activation, {"sum"}, "y");
  // As exporters write them: names where a size is open.
  setShape(graph.add_value_info(), "scaled", {"batch", 12, "tokens", "tokens"});
  setShape(graph.add_value_info(), "sum", {"batch", "tokens", 3072});
  return out;
}

} // namespace

TEST_CASE("attention that is spelled out, and a product with its bias and activation, are kernels too") {
  const onnx_model::Options sizes = {{{"batch", 8}, {"tokens", 197}}, ""};
  const json attention = {{"kernel", "attention_f16"},
                          {"sizes", {{"Z", 8}, {"H", 12}, {"HKV", 12}, {"N", 197}, {"D", 64}}}};
  const json size = {{"M", 8 * 197}, {"N", 3072}, {"K", 768}};
  auto gelu = manifestOf(bytes(transformer("Gelu")), "layer", sizes);
  REQUIRE_MESSAGE(gelu, gelu.error().text());
  INFO(gelu->dump(1));
  CHECK(lists(*gelu, attention));
  CHECK(lists(*gelu, {{"kernel", "softmax"}, {"sizes", {{"n_rows", 8 * 12 * 197}, {"n_cols", 197}}}}));
  CHECK(lists(*gelu, {{"kernel", "matmul_f16_bias_gelu"}, {"sizes", size}}));
  CHECK((*gelu)["notes"].empty());
  auto relu = manifestOf(bytes(transformer("Relu")), "layer", sizes);
  REQUIRE(relu);
  CHECK(lists(*relu, {{"kernel", "matmul_f16_bias_relu"}, {"sizes", size}}));
  auto other = manifestOf(bytes(transformer("Erf")), "layer", sizes);
  REQUIRE(other);
  CHECK(lists(*other, {{"kernel", "matmul_f16"}, {"sizes", size}}));
}

TEST_CASE("what no kernel of the library does is said, and parts of it are kernels all the same") {
  auto wide = manifestOf(bytes(transformer("Gelu")), "layer", {{{"batch", 8}, {"tokens", 197}}, "f32"});
  REQUIRE(wide);
  const std::string notes = (*wide)["notes"].dump();
  CHECK(notes.find("no kernel for Gelu (1)") != std::string::npos);
  CHECK(notes.find("no kernel for Mul (1)") != std::string::npos);
  CHECK(lists(*wide, {{"kernel", "softmax"}, {"sizes", {{"n_rows", 8 * 12 * 197}, {"n_cols", 197}}}}));
  CHECK(lists(*wide, {{"kernel", "matmul_f32"}, {"sizes", {{"M", 8 * 197}, {"N", 3072}, {"K", 768}}}}));
}

TEST_CASE("nodes without outputs, and optional inputs that are left out, are no neighbours") {
  onnx::ModelProto odd = transformer("Relu");
  auto& nodes = *odd.mutable_graph()->mutable_node();
  for (auto& node : nodes)
    if (node.op_type() == "Softmax" || node.op_type() == "Add") node.clear_output();
  addNode(*odd.mutable_graph(), "Clip", {"x", "", ""}, "cut");
  (void)manifestOf(bytes(odd), "odd", {{{"batch", 8}, {"tokens", 197}}, ""}); // an error or a manifest
}

TEST_CASE("attention as one operator: of ONNX and of onnxruntime") {
  onnx::ModelProto whole = model({1, 197, 768});
  auto& graph = *whole.mutable_graph();
  graph.clear_node();
  graph.clear_output();
  setShape(graph.add_input(), "keys", {1, 197, 256});
  addWeight(graph, "packed", {768, 2304});
  auto* own = addNode(graph, "Attention", {"x", "keys", "keys"}, "mixed");
  setNumber(own, "q_num_heads", 12);
  setNumber(own, "kv_num_heads", 4);
  setNumber(own, "is_causal", 1);
  auto* theirs = addNode(graph, "Attention", {"x", "packed"}, "other");
  theirs->set_domain("com.microsoft");
  setNumber(theirs, "num_heads", 12);
  auto manifest = manifestOf(bytes(whole), "attention", {});
  REQUIRE_MESSAGE(manifest, manifest.error().text());
  INFO(manifest->dump(1));
  const json sizes = {{"Z", 1}, {"H", 12}, {"HKV", 4}, {"N", 197}, {"D", 64}};
  CHECK(lists(*manifest, {{"kernel", "attention_causal_f16"}, {"sizes", sizes}}));
  CHECK(lists(*manifest, {{"kernel", "attention_f16"},
                          {"sizes", {{"Z", 1}, {"H", 12}, {"HKV", 12}, {"N", 197}, {"D", 64}}}}));
  CHECK(lists(*manifest, {{"kernel", "matmul_f16"}, {"sizes", {{"M", 197}, {"N", 2304}, {"K", 768}}}}));
}
