// tuned-onnx FILE: prints the pre-warm manifest of an ONNX model. A program of its own: it reads what others
// made with libraries that nothing else needs.
#include "client/protocol/problem.h"
#include "daemon/onnx/shapes.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <google/protobuf/stubs/logging.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace {

int complain(const tuned::Error& error) {
  std::cerr << tuned::protocol::problemText(error) << "\n";
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("prints what an ONNX model needs built, as a manifest", "tuned-onnx");
  std::string file;
  std::map<std::string, int64_t> dimensions;
  tuned::onnx_model::Options options;
  app.add_option("file", file, "the model; weights that lie outside of it are not needed")->required();
  app.add_option("--dimension", dimensions, "a value of a dynamic dimension: NAME VALUE");
  app.add_option("--type", options.type, "what matrix products run in")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}));
  CLI11_PARSE(app, argc, argv);
  options.dimensions = dimensions;
  google::protobuf::SetLogHandler(nullptr); // the error says it all
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  if (!in || !(bytes << in.rdbuf()))
    return complain({tuned::ErrorKind::NotFound, "cannot read the model " + file, std::nullopt, ""});
  auto manifest =
      tuned::onnx_model::manifestOf(bytes.str(), std::filesystem::path(file).stem().string(), options);
  if (!manifest) return complain(manifest.error());
  std::cout << manifest->dump(2) << "\n";
  return 0;
}
