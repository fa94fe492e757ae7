// Expected outputs: who computes them, and in which order sums are taken.
#include "daemon/worker/expected.h"

#include "backend/registry.h"
#include "tuner/measure/element.h"

#include <doctest/doctest.h>
#include <thread>

using namespace tuned;

namespace {

/// Rows of 64 numbers, summed in their own type: y[row] = sum of x[row, :].
Kernel rowSums(const std::string& type) {
  const std::string source =
      "module {\\n  tt.func public @sums(%x: !tt.ptr<T>, %y: !tt.ptr<T>) {\\n"
      "    %row = tt.get_program_id x : i32\\n    %width = arith.constant 64 : i32\\n"
      "    %first = arith.muli %row, %width : i32\\n"
      "    %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>\\n"
      "    %firsts = tt.splat %first : i32 -> tensor<64xi32>\\n    %at = arith.addi %firsts, %range : "
      "tensor<64xi32>\\n"
      "    %base = tt.splat %x : !tt.ptr<T> -> tensor<64x!tt.ptr<T>>\\n"
      "    %ptrs = tt.addptr %base, %at : tensor<64x!tt.ptr<T>>, tensor<64xi32>\\n"
      "    %v = tt.load %ptrs : tensor<64x!tt.ptr<T>>\\n"
      "    %s = \\\"tt.reduce\\\"(%v) <{axis = 0 : i32}> ({\\n    ^bb0(%a: T, %b: T):\\n"
      "      %c = arith.addf %a, %b : T\\n      tt.reduce.return %c : T\\n    }) : (tensor<64xT>) -> T\\n"
      "    %out = tt.addptr %y, %row : !tt.ptr<T>, i32\\n    tt.store %out, %s : !tt.ptr<T>\\n"
      "    tt.return\\n  }\\n}\\n";
  std::string typed; // there is no other T
  for (char each : source)
    typed += each == 'T' ? type : std::string(1, each);
  auto kernel =
      parseKernel(R"({"name":"sums","source_text":")" + typed +
                      R"(","entry":"sums","sizes":["n"],"parameters":{},"arguments":[{"name":"x","type":"*)" +
                      type + R"(","shape":["n","64"]},{"name":"y","type":"*)" + type +
                      R"(","shape":["n"],"output":true,"fill":"zeros"}],"grid":["n"],"default":{}})",
                  "");
  REQUIRE_MESSAGE(kernel, (kernel ? "" : kernel.error().text()));
  return std::move(*kernel);
}

const Sizes kSizes = {{"n", 512}};
// Seconds in which the host gets through all programs however busy the machine is.
constexpr double kAmple = 1000;

double largestDifference(const ReferenceResult& a, const ReferenceResult& b, const std::string& type) {
  const ElementInfo info = elementInfo(type);
  double most = 0;
  REQUIRE(a.outputs.size() == 1);
  REQUIRE(b.outputs.size() == 1);
  REQUIRE(a.outputs[0].expected.size() == b.outputs[0].expected.size());
  for (size_t at = 0; at < a.outputs[0].expected.size(); at += static_cast<size_t>(info.bytes))
    most = std::max(most, std::abs(readElement(info.type, a.outputs[0].expected.data() + at) -
                                   readElement(info.type, b.outputs[0].expected.data() + at)));
  return most;
}

} // namespace

TEST_CASE("where the host is too slow the device computes it, once the host agrees on a part") {
  const Kernel kernel = rowSums("f32");
  auto device = openDevice("cpu"); // any device will do
  REQUIRE(device);
  ReferenceRequest request{kernel, kSizes, kernel.defaults, {"cpu"}, 1, kAmple};
  auto host = makeReference(request);
  REQUIRE_MESSAGE(host, (host ? "" : host.error().text()));
  CHECK(host->source == "cpu:plain");
  request.device = device->get();
  request.patience = 0;
  auto fast = makeReference(request);
  REQUIRE_MESSAGE(fast, (fast ? "" : fast.error().text()));
  CHECK(fast->source.starts_with("cpu, itself checked by cpu:plain on "));
  CHECK(largestDifference(*host, *fast, "f32") < 1e-4);
  // In the buffers of whoever measures, where there are such.
  auto bench = Workbench::open(**device, kernel, kSizes, 1);
  REQUIRE(bench);
  int asked = 0;
  request.bench = [&] {
    ++asked;
    return bench->get();
  };
  std::vector<std::shared_ptr<void>> behind;
  request.behind = &behind;
  auto there = makeReference(request);
  REQUIRE_MESSAGE(there, (there ? "" : there.error().text()));
  CHECK(asked == 1);
  CHECK(there->source.starts_with("cpu, itself checked by cpu:plain on "));
  CHECK(there->outputs[0].expected == fast->outputs[0].expected);
  CHECK((*bench)->read(1)->size() == there->outputs[0].expected.size());
  CHECK(*(*bench)->read(1) == there->outputs[0].expected);
  request.patience = 1000;
  CHECK(makeReference(request)->source == "cpu:plain");
}

namespace {

/// A device whose builds leave what the last programs of a grid write.
class Lazy : public Device {
public:
  explicit Lazy(std::unique_ptr<Device> device) : device_(std::move(device)) {}
  const DeviceInfo& info() const override { return device_->info(); }
  Result<std::unique_ptr<Buffer>> allocate(size_t bytes) override { return device_->allocate(bytes); }
  Result<void> upload(Buffer& buffer, size_t offset, std::span<const std::byte> data) override {
    return device_->upload(buffer, offset, data);
  }
  Result<void> download(const Buffer& buffer, size_t offset, std::span<std::byte> data) override {
    return device_->download(buffer, offset, data);
  }
  Result<void> fill(Buffer& buffer, size_t offset, size_t bytes, std::byte value) override {
    return device_->fill(buffer, offset, bytes, value);
  }
  Result<void> copy(Buffer& to, const Buffer& from, size_t bytes) override {
    return device_->copy(to, from, bytes);
  }
  Result<std::unique_ptr<LoadedKernel>> load(const Artefact& artefact) override {
    return device_->load(artefact);
  }
  Result<void> launch(LoadedKernel& kernel, const Grid& grid,
                      std::span<const ArgumentValue> arguments) override {
    return device_->launch(kernel, {grid[0] - 1, grid[1], grid[2]}, arguments);
  }
  Result<std::vector<double>> time(LoadedKernel& kernel, const Grid& grid,
                                   std::span<const ArgumentValue> arguments,
                                   const TimingRequest& request) override {
    return device_->time(kernel, grid, arguments, request);
  }

private:
  std::unique_ptr<Device> device_;
};

} // namespace

TEST_CASE("a device that disagrees with the host's part is no judge, and the host takes its time") {
  const Kernel kernel = rowSums("f32");
  Lazy device(*openDevice("cpu"));
  ReferenceRequest request{kernel, kSizes, kernel.defaults, {"cpu"}, 1, kAmple};
  request.device = &device;
  request.patience = 0;
  auto reference = makeReference(request);
  REQUIRE_MESSAGE(reference, (reference ? "" : reference.error().text()));
  CHECK(reference->source == "cpu:plain");
  CHECK(reference->outputs[0].ranges[0].count == 512);
  // A part tells what other sums differ by.
  const Kernel coarse = rowSums("bf16");
  ReferenceRequest other{coarse, kSizes, coarse.defaults, {"cpu"}, 1, 10, Sums::Reordered, &device, 0};
  auto part = makeReference(other);
  REQUIRE_MESSAGE(part, (part ? "" : part.error().text()));
  int64_t known = 0;
  for (const ElementRange& range : part->outputs[0].ranges)
    known += range.count;
  CHECK(known > 0);
  CHECK(known <= 128);
}

TEST_CASE("programs that update memory are run all together however long they take") {
  auto kernel = parseKernel(
      R"({"name":"count","source_text":"module {\n  tt.func public @count(%y: !tt.ptr<f32>) {\n    %one = arith.constant 1.0 : f32\n    %t = arith.constant true\n    %old = tt.atomic_rmw fadd, acq_rel, gpu, %y, %one, %t : (!tt.ptr<f32>, f32, i1) -> f32\n    tt.return\n  }\n}\n","entry":"count","sizes":["n"],"parameters":{},"arguments":[{"name":"y","type":"*f32","shape":["1"],"output":true,"fill":"zeros"}],"grid":["n"],"default":{}})",
      "");
  REQUIRE_MESSAGE(kernel, (kernel ? "" : kernel.error().text()));
  auto device = openDevice("cpu");
  ReferenceRequest request{*kernel, kSizes, kernel->defaults, {"cpu"}, 1, kAmple};
  request.device = device->get();
  request.patience = 0;
  auto reference = makeReference(request);
  REQUIRE_MESSAGE(reference, (reference ? "" : reference.error().text()));
  CHECK(reference->source == "cpu:plain");
  CHECK(readElement(ElementType::F32, reference->outputs[0].expected.data()) == 512);
}

TEST_CASE("inputs are made once for all who want them") {
  KernelArgument argument;
  argument.type = "*f32";
  argument.fill = "normal";
  SharedInputs inputs;
  auto first = inputs.get(argument, 1000, 3), second = inputs.get(argument, 1000, 3);
  REQUIRE(first);
  CHECK(*first == *second);
  CHECK(**first == *makeInput(argument, 1000, 3));
  CHECK(**inputs.get(argument, 1000, 4) != **first);
  argument.fill = "nothing that is known";
  CHECK_FALSE(inputs.get(argument, 1000, 3));
}

TEST_CASE("sums in other orders and wider types differ where the kernel's own type rounds") {
  for (const char* judge : {"cpu", "reference"}) {
    const Kernel coarse = rowSums("bf16");
    ReferenceRequest request{coarse, kSizes, coarse.defaults, {judge}, 1, kAmple};
    auto written = makeReference(request);
    REQUIRE_MESSAGE(written, (written ? "" : written.error().text()));
    const auto others = otherReferences(request);
    REQUIRE(others.size() == 2);
    for (const ReferenceResult& other : others)
      CHECK(largestDifference(*written, other, "bf16") > 0.01);
    const Kernel fine = rowSums("f64");
    CHECK(otherReferences({fine, kSizes, fine.defaults, {judge}, 1, kAmple}).size() == 1); // nothing is wider
  }
}

TEST_CASE("products that are cut as tensor cores cut them differ a little") {
  auto kernel = loadKernel(TUNED_KERNEL_LIBRARY "/matmul_f16.json");
  REQUIRE_MESSAGE(kernel, (kernel ? "" : kernel.error().text()));
  const Sizes sizes = {{"M", 128}, {"N", 128}, {"K", 2048}};
  ReferenceRequest request{*kernel, sizes, kernel->defaults, {"cpu"}, 1, kAmple};
  auto written = makeReference(request);
  REQUIRE_MESSAGE(written, (written ? "" : written.error().text()));
  const auto others = otherReferences(request);
  REQUIRE(others.size() == 1);
  const double difference = largestDifference(*written, others[0], "f16");
  CHECK(difference > 0);
  CHECK(difference < 0.1);
}

TEST_CASE("expected outputs are computed beside, and waited for when asked") {
  const Kernel kernel = rowSums("f32");
  Expected expected({kernel, kSizes, kernel.defaults, {"cpu"}, 1, kAmple});
  const auto* there = expected.get(true);
  REQUIRE(there);
  REQUIRE_MESSAGE(there->has_value(), (*there ? "" : there->error().text()));
  CHECK((*there)->source == "cpu:plain");
  CHECK(expected.get(false) == there);
}

TEST_CASE("where the default cannot be evaluated a configuration that compiles is tried") {
  const Kernel kernel = rowSums("f32");
  const ReferenceRequest request{kernel, kSizes, {{"num_warps", 3}}, {}, 1, kAmple}; // nobody can judge
  {
    Expected unasked(request); // nothing is offered: its end does not wait for that
  }
  Expected expected(request);
  CHECK(expected.get(false) == nullptr);
  expected.offer(kernel.defaults);
  const auto* there = expected.get(true);
  REQUIRE(there->has_value());
  CHECK((*there)->outputs.empty());
  CHECK(expected.request().configuration == kernel.defaults);
}

TEST_CASE("two threads that want the same take turns") {
  // Whoever unlocks comes after the other, who stands in line by then unless the machine gave it no time.
  bool waiting = false;
  for (int patience = 50; !waiting && patience < 2000; patience *= 2) {
    Turns turns;
    std::string order;
    turns.lock();
    std::thread other([&] {
      for (int i = 0; i < 3; ++i) {
        const std::lock_guard turn(turns);
        order += 'b';
      }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(patience));
    order += 'a';
    turns.unlock();
    turns.lock();
    waiting = order.find('b') != std::string::npos;
    turns.unlock();
    other.join();
    CHECK(order.front() == 'a');
  }
  CHECK(waiting);
}
