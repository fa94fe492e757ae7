// CUDA C++ to cubins, without a GPU. What needs NVRTC says so and ends where there is none.
#include "backend/nvrtc/library.h"
#include "backend/nvrtc/log.h"
#include "backend/nvrtc/nvrtc.h"

#include <doctest/doctest.h>
#include <fstream>

using namespace tuned;

namespace {

bool without() {
  if (nvrtc::present()) return false;
  MESSAGE("skipped: no NVRTC on this machine");
  return true;
}

CudaVariant scale(const std::string& body) {
  CudaVariant variant;
  variant.source = "extern \"C\" __global__ void scale(float* y, const float* x, int n) {\n" + body + "\n}\n";
  variant.sourceName = "/home/someone/scale.cu";
  variant.entry = "scale";
  variant.macros = {{"BLOCK", "128"}};
  variant.block = {128, 1, 1};
  variant.parameters = {{"y", 8}, {"x", 8}, {"n", 4}};
  return variant;
}

const std::string goodBody = "  int i = blockIdx.x * BLOCK + threadIdx.x;\n  if (i < n) y[i] = 2 * x[i];";

Result<Artefact> compile(const CudaVariant& variant, const std::string& target = "sm_90a") {
  CompileOptions options;
  options.target = target;
  return nvrtc::makeCompiler()->compile(variant, options);
}

bool mentions(const Error& error, const std::string& text) {
  return error.text().find(text) != std::string::npos;
}

} // namespace

TEST_CASE("a kernel in CUDA C++ becomes a cubin with its launch") {
  if (without()) return;
  CudaVariant variant = scale(goodBody);
  variant.sharedBytes = 512;
  auto artefact = compile(variant);
  REQUIRE_MESSAGE(artefact, artefact.error().text());
  CHECK(artefact->format == "cubin");
  CHECK(artefact->launch.symbol == "scale");
  CHECK(artefact->launch.block == std::array{128, 1, 1});
  CHECK(artefact->launch.dynamicSharedBytes == 512);
  CHECK(artefact->launch.parameters.size() == 3);
  CHECK(artefact->resources.registers > 0);
  CHECK(artefact->resources.sharedBytes == 512);
  CHECK(artefact->compiler == "nvrtc");
  CHECK(artefact->assembler.starts_with("nvrtc 1"));
}

TEST_CASE("every target that NVRTC knows can be compiled for") {
  if (without()) return;
  for (const char* target : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
    auto artefact = compile(scale(goodBody), target);
    CHECK_MESSAGE(artefact, target << ": " << artefact.error().text());
  }
}

TEST_CASE("equal sources give equal cubins wherever they lie") {
  if (without()) return;
  CudaVariant here = scale("  static __shared__ float s[BLOCK];\n" + goodBody), there = here;
  there.sourceName = "/elsewhere/scale.cu";
  auto first = compile(here), second = compile(there);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->bytes == second->bytes);
}

TEST_CASE("a template is named with its arguments, macros among them") {
  if (without()) return;
  CudaVariant variant = scale("");
  variant.source = "template <int B, typename T> __global__ void fill(T* p) { p[threadIdx.x] = B; }";
  variant.entry = "fill<BLOCK, float>";
  variant.parameters = {{"p", 8}};
  auto artefact = compile(variant);
  REQUIRE_MESSAGE(artefact, artefact.error().text());
  CHECK(artefact->launch.symbol.find("fill") != std::string::npos);
  CHECK(artefact->launch.symbol != "fill");
}

TEST_CASE("CUDA's own headers are found, and those of the document are those it brings") {
  if (without()) return;
  if (nvrtc::headerFolders().empty()) {
    MESSAGE("skipped: no CUDA headers on this machine");
    return;
  }
  CudaVariant variant = scale(goodBody);
  variant.source =
      "#include <cuda_fp16.h>\n#include <cuda_bf16.h>\n#include <mma.h>\n#include <cuda/std/cstdint>\n"
      "#include \"twice.h\"\n"
      "extern \"C\" __global__ void scale(__half* y, const __half* x, int n) { y[0] = twice(x[0]); }";
  variant.headers["twice.h"] =
      "#include \"detail/add.h\"\n__device__ __half twice(__half a) { return add(a, a); }";
  variant.headers["detail/add.h"] = "__device__ __half add(__half a, __half b) { return __hadd(a, b); }";
  auto artefact = compile(variant);
  CHECK_MESSAGE(artefact, artefact.error().text());
  auto version = nvrtc::makeCompiler()->version();
  REQUIRE(version);
  CHECK(version->find("headers ") != std::string::npos);
}

TEST_CASE("a source that does not compile is refused with its place") {
  if (without()) return;
  auto artefact = compile(scale("  int i = 0;\n  y[i] = missing(x[i]);\n  int j = ;"));
  REQUIRE_FALSE(artefact);
  const Error& error = artefact.error();
  CHECK(error.kind == ErrorKind::InvalidInput);
  REQUIRE(error.location);
  CHECK(error.location->file == "/home/someone/scale.cu");
  CHECK(error.location->line == 3);
  CHECK(error.location->column == 10);
  CHECK(mentions(error, "missing"));
  CHECK(mentions(error, "1 more error"));
}

TEST_CASE("an error in a header is one in that header; a header that is not there is named") {
  if (without()) return;
  CudaVariant variant = scale(goodBody);
  variant.source = "#include \"broken.h\"\n" + variant.source;
  variant.headers["broken.h"] = "\nint q = nothing;\n";
  auto broken = compile(variant);
  REQUIRE_FALSE(broken);
  REQUIRE(broken.error().location);
  CHECK(broken.error().location->file == "broken.h");
  CHECK(broken.error().location->line == 2);
  variant.headers.clear();
  auto missing = compile(variant);
  REQUIRE_FALSE(missing);
  REQUIRE(missing.error().location);
  CHECK(missing.error().location->line == 1);
  CHECK(mentions(missing.error(), "broken.h"));
}

TEST_CASE("an entry that is no kernel, and a document whose arguments are not the function's") {
  if (without()) return;
  CudaVariant variant = scale(goodBody);
  variant.entry = "scala";
  auto unknown = compile(variant);
  REQUIRE_FALSE(unknown);
  CHECK(mentions(unknown.error(), "scala"));
  variant = scale(goodBody);
  variant.parameters.pop_back();
  auto fewer = compile(variant);
  REQUIRE_FALSE(fewer);
  CHECK(mentions(fewer.error(), "parameters of 8, 8, 4 bytes"));
  variant = scale(goodBody);
  variant.parameters[2].bytes = 8;
  CHECK_FALSE(compile(variant));
}

TEST_CASE("targets that are none, or unknown to this NVRTC") {
  if (without()) return;
  CHECK(compile(scale(goodBody), "cpu").error().kind == ErrorKind::Unsupported);
  CHECK(compile(scale(goodBody), "sm_").error().kind == ErrorKind::Unsupported);
  auto odd = compile(scale(goodBody), "sm_97");
  REQUIRE_FALSE(odd);
  CHECK(odd.error().kind == ErrorKind::Unsupported);
  CHECK(mentions(odd.error(), "sm_90"));
}

TEST_CASE("static shared memory beyond a CTA's is out of resources or refused, never silent") {
  if (without()) return;
  auto artefact = compile(scale("  __shared__ float s[1 << 20];\n  s[threadIdx.x] = n;\n  __syncthreads();\n"
                                "  y[0] = s[n];"));
  REQUIRE_FALSE(artefact);
  CHECK(artefact.error().kind == ErrorKind::OutOfResources);
}

TEST_CASE("an NVRTC that is missing, is no library, or is too old") {
  auto missing = nvrtc::openLibrary("/nonexistent/libnvrtc.so.13");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::Unavailable);
  CHECK_FALSE(missing.error().remedy.empty());
  const std::string noLibrary = std::string(TUNED_OLD_NVRTC) + ".txt";
  std::ofstream(noLibrary) << "not a library";
  CHECK(nvrtc::openLibrary(noLibrary).error().kind == ErrorKind::Unavailable);
  auto old = nvrtc::openLibrary(TUNED_OLD_NVRTC);
  REQUIRE_FALSE(old);
  CHECK(mentions(old.error(), "NVRTC 11.2"));
  CHECK(mentions(old.error(), "12.0 is the oldest"));
}

TEST_CASE("the first error of a log is told, others are counted") {
  const std::string log = "a b.cu(7): warning #177-D: variable \"q\" was declared but never referenced\n"
                          "    int q;\n        ^\n\n"
                          "a b.cu(12): error: identifier \"z\" is undefined\n    y = z;\n        ^\n\n"
                          "deep/x.h(3): error: expected an expression\n  = ;\n    ^\n\n2 errors detected";
  Error error = nvrtc::errorFromLog(log, "a b.cu", "/w/a b.cu");
  REQUIRE(error.location);
  CHECK(error.location->file == "/w/a b.cu");
  CHECK(error.location->line == 12);
  CHECK(error.location->column == 7);
  CHECK(error.message == "identifier \"z\" is undefined (and 1 more error)");
  CHECK(nvrtc::errorFromLog("ptxas error: function uses too much shared data", "a", "a").kind ==
        ErrorKind::OutOfResources);
  CHECK(nvrtc::errorFromLog("", "a", "a").message.find("does not say why") != std::string::npos);
}
