// What operations do to shared memory is what they say they do, and the model sees every path of control.
#include "backend/nvptx/dialect/nv.h"
#include "backend/nvptx/lowering/emitter.h"
#include "backend/nvptx/passes/shared_memory.h"
#include "backend/nvptx/ptx/codegen.h"
#include "ir/module.h"

#include <doctest/doctest.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/IntrinsicsNVPTX.h>
#include <llvm/Target/TargetMachine.h>
#include <set>

using namespace tuned;
using namespace tuned::nvptx;

namespace {

constexpr unsigned numWarps = 2;

/// Layouts for two warps: 64 elements in a row and turned round, 32 that both warps hold, 16 × 16.
const std::string layouts = R"(
#row = #nv.linear<registers = [], lanes = [1, 2, 4, 8, 16], warps = [32]>
#turned = #nv.linear<registers = [], lanes = [32, 16, 8, 4, 2], warps = [1]>
#both = #nv.linear<registers = [], lanes = [1, 2, 4, 8, 16], warps = [0]>
#tile = #nv.linear<registers = [64, 128], lanes = [1, 2, 4, 8, 16], warps = [32]>
)";

struct Parsed {
  explicit Parsed(const std::string& body)
      : target(*parseTarget("sm_90a")), context(makeContext()), module(fail(ErrorKind::Internal, "")) {
    context->getOrLoadDialect<NvDialect>();
    module = parseModule(
        *context, layouts + "tt.func public @f(%p: !tt.ptr<i32>, %n: i32) {\n" + body + "\ntt.return\n}",
        "f.ttir");
    REQUIRE_MESSAGE(module.has_value(), module.error().text());
  }
  tt::FuncOp function() { return *(**module).getOps<tt::FuncOp>().begin(); }
  void place() {
    PassContext passes{function(), target, numWarps};
    for (auto pass : {allocateShared, insertBarriers})
      REQUIRE(pass(passes).has_value());
  }
  size_t barriers() {
    size_t count = 0;
    function().walk([&](BarrierOp) { ++count; });
    return count;
  }

  Target target;
  std::unique_ptr<mlir::MLIRContext> context;
  Result<mlir::OwningOpRef<mlir::ModuleOp>> module;
};

/// "W|RW|R": writes, waits, reads and writes, waits, reads.
std::string text(const SharedPhases& phases) {
  std::string result;
  for (size_t i = 0; i < phases.size(); ++i) {
    bool reads = false, writes = false;
    for (const OwnedAccess& access : phases[i]) {
      reads |= access.reads;
      writes |= access.writes;
    }
    result += std::string(i ? "|" : "") + (reads ? "R" : "") + (writes ? "W" : "");
  }
  return result;
}

bool isShared(const llvm::Value* pointer) {
  return pointer->getType()->isPointerTy() && pointer->getType()->getPointerAddressSpace() == 3;
}

/// The same, of the code in the order it was written.
std::string emitted(Parsed& parsed) {
  auto machine = makeTargetMachine(parsed.target, true);
  REQUIRE(machine.has_value());
  llvm::LLVMContext context;
  llvm::Module code("f", context);
  code.setDataLayout((*machine)->createDataLayout());
  auto done = Emitter(code, parsed.target, numWarps, parsed.function()).emitFunction();
  REQUIRE_MESSAGE(done.has_value(), done.error().text());
  SharedPhases phases = {{}};
  for (llvm::BasicBlock& block : *code.getFunction("f"))
    for (llvm::Instruction& at : block) {
      if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&at); load && isShared(load->getPointerOperand()))
        phases.back().push_back({.reads = true});
      if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&at); store && isShared(store->getPointerOperand()))
        phases.back().push_back({.writes = true});
      if (auto* update = llvm::dyn_cast<llvm::AtomicRMWInst>(&at);
          update && isShared(update->getPointerOperand()))
        phases.back().push_back({.reads = true, .writes = true});
      auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&at);
      if (!call) continue;
      if (call->getIntrinsicID() == llvm::Intrinsic::nvvm_barrier_cta_sync_aligned_all) phases.push_back({});
      if (call->arg_size() > 0 && isShared(call->getArgOperand(0))) phases.back().push_back({.reads = true});
    }
  return text(phases);
}

const std::string tensor = R"(
  %x = tt.make_range {start = 0 : i32, end = 64 : i32} : tensor<64xi32, #row>
)";

/// What does not touch shared memory, and the one operation that does.
struct Example {
  std::string operation;
  std::string body;
};

std::vector<Example> examples() {
  std::string pointers = R"(
  %i = tt.make_range {start = 0 : i32, end = 32 : i32} : tensor<32xi32, #both>
  %b = tt.splat %p : !tt.ptr<i32> -> tensor<32x!tt.ptr<i32>, #both>
  %q = tt.addptr %b, %i : tensor<32x!tt.ptr<i32>, #both>, tensor<32xi32, #both>
)";
  std::string use = "\n tt.store %p, %o : !tt.ptr<i32>";
  std::vector<Example> all = {
      {"nv.convert_layout",
       tensor + "%y = nv.convert_layout %x : tensor<64xi32, #row> -> tensor<64xi32, #turned>"},
      {"nv.convert_layouts", tensor +
                                 "%y:2 = nv.convert_layouts %x, %x : tensor<64xi32, #row>, tensor<64xi32, "
                                 "#row> -> tensor<64xi32, #turned>, tensor<64xi32, #turned>"},
      {"tt.reduce", tensor + R"("tt.reduce"(%x) <{axis = 0 : i32}> ({
        ^bb0(%l: i32, %r: i32):
          %s = arith.addi %l, %r : i32
          tt.reduce.return %s : i32
        }) : (tensor<64xi32, #row>) -> i32)"},
      {"tt.gather", tensor + "%y = tt.gather %x[%x] {axis = 0 : i32} : (tensor<64xi32, #row>, tensor<64xi32, "
                             "#row>) -> tensor<64xi32, #row>"},
      {"tt.histogram", tensor + "%y = tt.histogram %x : tensor<64xi32, #row> -> tensor<64xi32, #row>"},
      {"tt.atomic_rmw", pointers +
                            "%y = tt.atomic_rmw add, acq_rel, gpu, %q, %i : (tensor<32x!tt.ptr<i32>, "
                            "#both>, tensor<32xi32, #both>) -> tensor<32xi32, #both>\ntt.store %q, %y : "
                            "tensor<32x!tt.ptr<i32>, #both>"},
      {"tt.dot", R"(
  %a = arith.constant dense<1.0> : tensor<16x16xf32, #tile>
  %y = tt.dot %a, %a, %a {nv.scalar} : tensor<16x16xf32, #tile> * tensor<16x16xf32, #tile> -> tensor<16x16xf32, #tile>)"},
      {"gpu.barrier", "gpu.barrier"},
      {"nv.barrier", "nv.barrier"},
  };
  for (std::string order : {"relaxed", "acquire", "release", "acq_rel"})
    for (bool used : {false, true}) {
      all.push_back({"tt.atomic_rmw", "%o = tt.atomic_rmw add, " + order +
                                          ", gpu, %p, %n : (!tt.ptr<i32>, i32) -> i32" + (used ? use : "")});
      all.push_back({"tt.atomic_cas", "%o = tt.atomic_cas " + order +
                                          ", gpu, %p, %n, %n : (!tt.ptr<i32>, i32, i32) -> i32" +
                                          (used ? use : "")});
    }
  std::string descriptor = R"(
  %one = arith.constant 1 : i64
  %d = tt.make_tensor_descriptor %p, [%n, %n], [%one, %one] : <i32>, <tensor<1x8xi32>>
  %rows = tt.make_range {start = 0 : i32, end = 32 : i32} : tensor<32xi32, #both>
)";
  all.push_back({"tt.descriptor_gather", descriptor +
                                             "%y = tt.descriptor_gather %d[%rows, %n] : "
                                             "(!tt.tensordesc<tensor<1x8xi32>>, tensor<32xi32, #both>, "
                                             "i32) -> tensor<32x8xi32, #tile>"});
  all.push_back({"tt.descriptor_scatter", descriptor +
                                              "%c = arith.constant dense<1> : tensor<32x8xi32, #tile>\n"
                                              "tt.descriptor_scatter %d[%rows, %n], %c : "
                                              "!tt.tensordesc<tensor<1x8xi32>>, tensor<32xi32, #both>, "
                                              "i32, tensor<32x8xi32, #tile>"});
  return all;
}

/// Sums over both warps: one exchange each.
std::string sum(const std::string& name) {
  return name + R"( = "tt.reduce"(%x) <{axis = 0 : i32}> ({
    ^bb0(%l: i32, %r: i32):
      %s = arith.addi %l, %r : i32
      tt.reduce.return %s : i32
    }) : (tensor<64xi32, #row>) -> i32
)";
}

} // namespace

TEST_CASE("operations do to shared memory what their rows say") {
  for (const Example& example : examples()) {
    CAPTURE(example.operation);
    CAPTURE(example.body);
    Parsed parsed(example.body);
    std::string said;
    parsed.function().walk([&](mlir::Operation* op) {
      if (op->getName().getStringRef() == example.operation)
        said = text(sharedPhases(*op));
      else
        CHECK(text(sharedPhases(*op)) == "");
    });
    parsed.place();
    CHECK(emitted(parsed) == said);
  }
}

TEST_CASE("exchanges in a loop: one waits for its own last round, two take turns") {
  std::string head = tensor + "%zero = arith.constant 0 : i32\n%one = arith.constant 1 : i32\n";
  Parsed alone(head + "scf.for %i = %zero to %n step %one : i32 {\n" + sum("%a") + "}");
  alone.place();
  CHECK(alone.barriers() == 1);
  alone.function().walk(
      [](BarrierOp op) { CHECK(op->getParentOp()->getName().getStringRef() == "scf.for"); });
  Parsed two(head + "scf.for %i = %zero to %n step %one : i32 {\n" + sum("%a") + sum("%b") + "}");
  two.place();
  CHECK(two.barriers() == 0);
}

TEST_CASE("either way of a branch, and the way round it, may leave readers behind") {
  std::string head = tensor + "%zero = arith.constant 0 : i32\n%c = arith.cmpi eq, %n, %zero : i32\n";
  Parsed parsed(head + sum("%a") + "scf.if %c {\n" + sum("%b") + "}\n" + sum("%d"));
  parsed.place();
  CHECK(parsed.barriers() == 0); // three places
  SharedModel model = sharedModel(parsed.function());
  auto offset = [&](size_t buffer) { return scratchOffset(*model.owners[buffer]); };
  CHECK(std::set{offset(0), offset(1), offset(2)}.size() == 3);
}

TEST_CASE("a while loop's test comes after its body") {
  Parsed parsed(tensor + "scf.while : () -> () {\n" + sum("%a") + R"(
    %zero = arith.constant 0 : i32
    %c = arith.cmpi eq, %a, %zero : i32
    scf.condition(%c)
  } do {
    scf.yield
  })");
  parsed.place();
  CHECK(parsed.barriers() == 1);
}

TEST_CASE("a barrier that is there already is enough") {
  std::string large = R"(
    %t = arith.constant dense<1.0> : tensor<16x16xf64, #tile>
    %y = tt.dot %t, %t, %t {nv.scalar} : tensor<16x16xf64, #tile> * tensor<16x16xf64, #tile> -> tensor<16x16xf64, #tile>
)";
  std::string again =
      "%z = tt.dot %t, %t, %y {nv.scalar} : tensor<16x16xf64, #tile> * tensor<16x16xf64, #tile> -> "
      "tensor<16x16xf64, #tile>\n";
  Parsed twice(large + again);
  twice.place();
  CHECK(twice.barriers() == 1); // 4096 bytes each: they share a place
  Parsed waited(large + "gpu.barrier\n" + again);
  waited.place();
  CHECK(waited.barriers() == 0);
  Parsed released(large + "%o = tt.atomic_rmw add, acq_rel, gpu, %p, %n : (!tt.ptr<i32>, i32) -> i32\n" +
                  again);
  released.place();
  CHECK(released.barriers() == 0);
}

TEST_CASE("blocks that branch to each other are followed") {
  Parsed parsed(tensor + "cf.br ^loop\n^loop:\n" + sum("%a") + R"(
    %zero = arith.constant 0 : i32
    %c = arith.cmpi eq, %a, %zero : i32
    cf.cond_br %c, ^loop, ^end
  ^end:)");
  parsed.place();
  CHECK(parsed.barriers() == 1);
}
