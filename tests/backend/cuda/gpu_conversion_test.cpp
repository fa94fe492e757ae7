// Random layout conversions, compiled and run on the GPU: every register of every thread is compared.
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/lowering/emitter.h"
#include "backend/nvptx/passes/pass.h"
#include "backend/nvptx/ptx/codegen.h"
#include "ir/module.h"
#include "tests/backend/cuda/conversion_kernels.h"
#include "tests/backend/cuda/cuda_support.h"

#include <atomic>
#include <llvm/Target/TargetMachine.h>
#include <thread>

using namespace tuned;
using namespace tuned::nvptx;

namespace {

constexpr unsigned conversionsPerKernel = 16;

/// Layouts are there already: memory, barriers, code.
Result<std::string> toPtx(const ConversionKernel& kernel, const Target& target, int64_t& sharedBytes) {
  auto context = makeContext();
  context->getOrLoadDialect<NvDialect>();
  auto module = parseModule(*context, kernel.text, "conversions.ttir");
  if (!module) return fail(module.error());
  PassContext passes{*(**module).getOps<tt::FuncOp>().begin(), target, kernel.numWarps};
  for (auto pass : {allocateShared, insertBarriers})
    if (auto done = pass(passes); !done) return fail(done.error());
  sharedBytes = passes.sharedBytes;
  auto machine = makeTargetMachine(target, true);
  if (!machine) return fail(machine.error());
  llvm::LLVMContext llvmContext;
  llvm::Module code("conversions", llvmContext);
  code.setTargetTriple((*machine)->getTargetTriple());
  code.setDataLayout((*machine)->createDataLayout());
  if (auto done = Emitter(code, target, kernel.numWarps, passes.function).emitFunction(); !done)
    return fail(done.error());
  optimize(code, **machine);
  return printPtx(code, **machine);
}

struct Built {
  ConversionKernel kernel;
  Result<Artefact> artefact = fail(ErrorKind::Internal, "not built");
};

Result<Artefact> build(const ConversionKernel& kernel, const Target& target) {
  int64_t sharedBytes = 0;
  auto ptx = toPtx(kernel, target, sharedBytes);
  if (!ptx) return fail(ptx.error());
  auto assembled = assemble(*ptx, {.architecture = target.name});
  if (!assembled) return fail(assembled.error());
  auto found = readCubin(assembled->cubin);
  if (!found) return fail(found.error());
  Artefact artefact;
  artefact.format = "cubin";
  artefact.target = target.name;
  artefact.bytes = std::move(assembled->cubin);
  artefact.launch.symbol = found->symbol;
  artefact.launch.block[0] = static_cast<int>(32 * kernel.numWarps);
  artefact.launch.dynamicSharedBytes = sharedBytes;
  artefact.launch.parameters = {
      {ParameterKind::Pointer, 8}, {ParameterKind::Scalar, 4}, {ParameterKind::Scalar, 4}};
  artefact.resources = {found->registers, found->staticSharedBytes + sharedBytes, found->stackBytes};
  return artefact;
}

/// On all processors; rapidcheck's generators are for one thread.
std::vector<Built> buildAll(unsigned kernels, const Target& target) {
  std::vector<Built> all(kernels);
  for (unsigned k = 0; k < kernels; ++k)
    all[k].kernel = randomConversionKernel(k, conversionsPerKernel);
  std::atomic<unsigned> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&] {
      for (unsigned k = next++; k < kernels; k = next++)
        all[k].artefact = build(all[k].kernel, target);
    });
  threads.clear();
  return all;
}

/// Launches on several CTAs and looks at every count.
void launchAndCheck(Device& gpu, LoadedKernel& loaded, const ConversionKernel& kernel, uint32_t salt,
                    unsigned rounds) {
  constexpr unsigned ctas = 3;
  size_t bytes = kernel.conversions.size() * sizeof(uint64_t);
  auto counts = gpu.allocate(bytes).value();
  REQUIRE(gpu.fill(*counts, 0, bytes, std::byte{0}).has_value());
  std::vector<ArgumentValue> arguments = {counts->address(), Scalar{salt, 4}, Scalar{rounds, 4}};
  auto launched = gpu.launch(loaded, {ctas, 1, 1}, arguments);
  REQUIRE_MESSAGE(launched.has_value(), launched.error().text());
  std::vector<uint64_t> found(kernel.conversions.size());
  REQUIRE(gpu.download(*counts, 0, std::as_writable_bytes(std::span(found))).has_value());
  for (size_t c = 0; c < found.size(); ++c) {
    CAPTURE(salt);
    CHECK_MESSAGE(found[c] == ctas * kernel.conversions[c].expected(salt, rounds),
                  "conversion " << c << ": " << (found[c] >> 32) << " of " << (found[c] & 0xffffffff)
                                << " registers are wrong: " << kernel.conversions[c].text);
  }
}

} // namespace

TEST_CASE("random layout conversions assemble, and on a GPU bring every element to its place") {
  auto gpu = test::openGpu();
  if (!gpu) MESSAGE("skipped: no GPU; some kernels are compiled only");
  auto target = parseTarget(gpu ? gpu->info().architecture : "sm_90a");
  REQUIRE_MESSAGE(target.has_value(), target.error().text());
  unsigned conversions = 0, withShared = 0;
  for (Built& built : buildAll(gpu ? 32 : 2, *target)) {
    // Some devices have less shared memory than others.
    if (!built.artefact && built.artefact.error().kind == ErrorKind::OutOfResources) continue;
    REQUIRE_MESSAGE(built.artefact.has_value(), built.artefact.error().text().substr(0, 2000));
    conversions += static_cast<unsigned>(built.kernel.conversions.size());
    withShared += built.artefact->resources.sharedBytes > 0;
    if (!gpu) continue;
    auto loaded = gpu->load(*built.artefact);
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().text());
    for (uint32_t salt : {0x00u, 0xffu, 0x5au, 0xa5u})
      launchAndCheck(*gpu, **loaded, built.kernel, salt, 2);
  }
  CHECK(withShared > 0);
  MESSAGE(conversions << " conversions" << (gpu ? " compared on " + gpu->info().name : " compiled"));
}
