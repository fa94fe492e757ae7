#include "backend/cuda/judge.h"

#include "backend/cuda/judge_ptx.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tuned::cuda {
namespace {

constexpr int threads = 256;
constexpr int blocksPerMultiprocessor = 8; // as many as are resident at once
constexpr size_t resultWords = 3;

Result<void> checkRequest(const CompareRequest& request) {
  const bool table = request.coding == ElementCoding::Table;
  const size_t bytes = static_cast<size_t>(request.count) * static_cast<size_t>(request.elementBytes);
  const bool fits = request.got && request.expected && request.count >= 0 &&
                    request.gotOffset + bytes <= request.got->size() &&
                    request.expectedOffset + bytes <= request.expected->size();
  if (!fits || request.gotOffset % 8 != 0 || request.expectedOffset % 8 != 0 ||
      !std::has_single_bit(static_cast<unsigned>(request.elementBytes)) || request.elementBytes > 8 ||
      (table && (request.elementBytes != 1 || request.table.size() != 256)))
    return fail(ErrorKind::Internal, "a comparison of " + std::to_string(request.count) + " elements of " +
                                         std::to_string(request.elementBytes) +
                                         " bytes that does not fit its buffers");
  return {};
}

} // namespace

CudaJudge::~CudaJudge() {
  if (device_.broken_) return;
  for (auto& [name, loaded] : kernels_)
    device_.api_.moduleUnload(loaded.first);
}

Result<Function> CudaJudge::kernel(const std::string& name, const std::string& ptx, const char* entry) {
  auto known = kernels_.find(name);
  if (known != kernels_.end()) return known->second.second;
  if (auto done = device_.enter(); !done) return fail(done.error());
  std::pair<Module, Function> loaded;
  if (auto done = device_.check(device_.api_.moduleLoadData(&loaded.first, ptx.c_str()),
                                "assembling the check " + name);
      !done)
    return fail(done.error());
  if (auto done = device_.check(device_.api_.moduleGetFunction(&loaded.second, loaded.first, entry),
                                "finding the check " + name);
      !done)
    return fail(done.error());
  return kernels_.emplace(name, loaded).first->second.second;
}

Result<Address> CudaJudge::resultAt(std::span<const uint64_t> initial) {
  if (!result_) {
    auto buffer = device_.allocate(resultWords * sizeof(uint64_t));
    if (!buffer) return fail(buffer.error());
    result_ = std::move(*buffer);
  }
  if (auto done = device_.upload(*result_, 0, std::as_bytes(initial)); !done) return fail(done.error());
  return result_->address();
}

Result<Address> CudaJudge::tableAt(std::span<const double> table) {
  if (table.empty()) return 0;
  std::unique_ptr<Buffer>& buffer = tables_[table.data()];
  if (!buffer) {
    auto made = device_.allocate(table.size_bytes());
    if (!made) return fail(made.error());
    if (auto done = device_.upload(**made, 0, std::as_bytes(table)); !done) return fail(done.error());
    buffer = std::move(*made);
  }
  return buffer->address();
}

Result<void> CudaJudge::run(Function function, int64_t items, void** parameters, std::span<uint64_t> result) {
  if (auto done = device_.enter(); !done) return done;
  const int64_t most = int64_t{blocksPerMultiprocessor} * std::max(1, device_.info_.multiprocessors);
  const int64_t wanted = (items + threads - 1) / threads;
  LaunchConfig config = {};
  config.gridX = static_cast<unsigned>(std::clamp<int64_t>(wanted, 1, most));
  config.gridY = config.gridZ = config.blockY = config.blockZ = 1;
  config.blockX = threads;
  config.stream = device_.stream_;
  if (auto done = device_.check(device_.api_.launchKernelEx(&config, function, parameters, nullptr),
                                "launching a check");
      !done)
    return done;
  if (auto done = device_.finish(); !done) return done;
  return device_.download(*result_, 0, std::as_writable_bytes(result));
}

Result<uint64_t> CudaJudge::checksum(const Buffer& buffer, size_t offset, size_t bytes) {
  if (offset % 8 != 0 || offset + bytes > buffer.size())
    return fail(ErrorKind::Internal, "a checksum of bytes that do not lie in the buffer");
  auto function = kernel("checksum", checksumPtx(), "checksum");
  if (!function) return fail(function.error());
  uint64_t sum = 0;
  auto result = resultAt({&sum, 1});
  if (!result) return fail(result.error());
  Address address = buffer.address() + offset, out = *result;
  uint64_t words = bytes / 8;
  void* parameters[] = {&address, &words, &out};
  if (auto done = run(*function, static_cast<int64_t>(words), parameters, {&sum, 1}); !done)
    return fail(done.error());
  if (bytes % 8 == 0) return sum;
  uint64_t tail = 0;
  std::array<std::byte, 8> rest{};
  if (auto done = device_.download(buffer, offset + words * 8, std::span(rest).first(bytes % 8)); !done)
    return fail(done.error());
  std::memcpy(&tail, rest.data(), sizeof tail);
  return sum + checksumTerm(tail, words);
}

Result<BufferComparison> CudaJudge::compare(const CompareRequest& request) {
  if (auto fits = checkRequest(request); !fits) return fail(fits.error());
  const std::string name = "compare " + std::to_string(static_cast<int>(request.coding)) + " " +
                           std::to_string(request.elementBytes);
  auto function = kernel(name, comparePtx(request.coding, request.elementBytes), "compare");
  if (!function) return fail(function.error());
  auto table = tableAt(request.table);
  if (!table) return fail(table.error());
  std::array<uint64_t, resultWords> words = {0, ~uint64_t{0}, 0};
  auto result = resultAt(words);
  if (!result) return fail(result.error());
  Address got = request.got->address() + request.gotOffset;
  Address expected = request.expected->address() + request.expectedOffset;
  uint64_t count = static_cast<uint64_t>(request.count);
  double relative = request.relative, absolute = request.absolute;
  Address tableAddress = *table, out = *result;
  void* parameters[] = {&got, &expected, &count, &relative, &absolute, &tableAddress, &out};
  if (auto done = run(*function, request.count, parameters, words); !done) return fail(done.error());
  return BufferComparison{static_cast<int64_t>(words[0]), static_cast<int64_t>(words[1]),
                          std::bit_cast<double>(words[2])};
}

} // namespace tuned::cuda
