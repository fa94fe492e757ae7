// The checks that run on the device: their text assembles for every coding, and on a GPU they find what the
// host finds.
#include "backend/cuda/judge_ptx.h"
#include "cuda_support.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace tuned;
using namespace tuned::cuda;
using namespace tuned::test;

namespace {

constexpr std::array<std::pair<ElementCoding, int>, 9> codings = {{{ElementCoding::Exact, 1},
                                                                   {ElementCoding::Exact, 2},
                                                                   {ElementCoding::Exact, 4},
                                                                   {ElementCoding::Exact, 8},
                                                                   {ElementCoding::F16, 2},
                                                                   {ElementCoding::BF16, 2},
                                                                   {ElementCoding::F32, 4},
                                                                   {ElementCoding::F64, 8},
                                                                   {ElementCoding::Table, 1}}};

std::unique_ptr<Buffer> filled(Device& device, std::span<const std::byte> bytes) {
  auto buffer = device.allocate(bytes.size());
  REQUIRE(buffer.has_value());
  REQUIRE(device.upload(**buffer, 0, bytes).has_value());
  return std::move(*buffer);
}

template <typename T>
BufferComparison compared(Device& device, const std::vector<T>& got, const std::vector<T>& expected,
                          CompareRequest request) {
  auto left = filled(device, std::as_bytes(std::span(got)));
  auto right = filled(device, std::as_bytes(std::span(expected)));
  request.got = left.get();
  request.expected = right.get();
  request.count = static_cast<int64_t>(got.size());
  request.elementBytes = sizeof(T);
  auto result = device.judge()->compare(request);
  REQUIRE_MESSAGE(result.has_value(), result.error().text());
  return *result;
}

CompareRequest coded(ElementCoding coding, double relative, double absolute) {
  CompareRequest request;
  request.coding = coding;
  request.relative = relative;
  request.absolute = absolute;
  return request;
}

} // namespace

TEST_CASE("every check assembles") {
  auto sum = nvptx::assemble(checksumPtx(), {.architecture = "sm_90a"});
  if (!sum && sum.error().kind == ErrorKind::Unavailable) {
    MESSAGE("skipped: no assembler: " << sum.error().text());
    return;
  }
  CHECK_MESSAGE(sum.has_value(), sum.error().text());
  for (auto [coding, bytes] : codings) {
    auto cubin = nvptx::assemble(comparePtx(coding, bytes), {.architecture = "sm_80"});
    CHECK_MESSAGE(cubin.has_value(), cubin.error().text());
  }
}

TEST_CASE("the device finds the first wrong float, how many there are and the worst" *
          doctest::test_suite("gpu")) {
  auto gpu = openGpu();
  if (!gpu) return;
  std::vector<float> expected(1'000'003), got;
  std::mt19937 random(7);
  for (float& value : expected)
    value = static_cast<float>(random() % 1000) / 100.0f + 1;
  expected[5] = NAN, expected[6] = INFINITY, expected[7] = 0.0f;
  got = expected;
  got[7] = -0.0f;
  for (size_t i = 100; i < got.size(); i += 3)
    got[i] *= 1 + 0.5e-4f;
  auto close = compared(*gpu, got, expected, coded(ElementCoding::F32, 1e-4, 0));
  CHECK(close.wrong == 0);
  CHECK(close.worst > 0.4);
  CHECK(close.worst < 0.6);
  got[777'777] *= 1.01f;
  got[999'999] = NAN;
  auto wrong = compared(*gpu, got, expected, coded(ElementCoding::F32, 1e-4, 0));
  CHECK(wrong.wrong == 2);
  CHECK(wrong.firstWrong == 777'777);
  CHECK(std::isinf(wrong.worst));
  got[6] = -INFINITY;
  CHECK(compared(*gpu, got, expected, coded(ElementCoding::F32, 1e-4, 1)).firstWrong == 6);
}

TEST_CASE("the device compares every coding" * doctest::test_suite("gpu")) {
  auto gpu = openGpu();
  if (!gpu) return;
  // 1.0 and the next value up, in each format.
  std::vector<uint16_t> half(999, 0x3c00), brain(999, 0x3f80);
  auto halfUp = half, brainUp = brain;
  halfUp[500] = 0x3c01, brainUp[500] = 0x3f81;
  CHECK(compared(*gpu, halfUp, half, coded(ElementCoding::F16, 1e-3, 0)).wrong == 0);
  CHECK(compared(*gpu, halfUp, half, coded(ElementCoding::F16, 0.9e-3, 0)).firstWrong == 500);
  CHECK(compared(*gpu, brainUp, brain, coded(ElementCoding::BF16, 8e-3, 0)).wrong == 0);
  CHECK(compared(*gpu, brainUp, brain, coded(ElementCoding::BF16, 7e-3, 0)).firstWrong == 500);
  std::vector<double> wide(999, 1.0);
  auto wideUp = wide;
  wideUp[500] = std::nextafter(1.0, 2.0);
  CHECK(compared(*gpu, wideUp, wide, coded(ElementCoding::F64, 3e-16, 0)).wrong == 0);
  CHECK(compared(*gpu, wideUp, wide, coded(ElementCoding::F64, 2e-16, 0)).firstWrong == 500);
  std::vector<int64_t> whole(999, 1);
  auto wholeUp = whole;
  wholeUp[998] = 2;
  CHECK(compared(*gpu, wholeUp, whole, coded(ElementCoding::Exact, 1, 1)).firstWrong == 998);
  std::array<double, 256> values;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<double>(i);
  std::vector<uint8_t> bytes(999, 100), bytesUp(999, 104);
  CompareRequest table = coded(ElementCoding::Table, 0.04, 0);
  table.table = values;
  CHECK(compared(*gpu, bytesUp, bytes, table).wrong == 0);
  table.relative = 0.03;
  CHECK(compared(*gpu, bytesUp, bytes, table).wrong == 999);
}

TEST_CASE("a checksum on the device is the sum of its terms, and every byte counts" *
          doctest::test_suite("gpu")) {
  auto gpu = openGpu();
  if (!gpu) return;
  std::vector<std::byte> bytes(8 * 100'000 + 5);
  std::mt19937 random(3);
  for (std::byte& byte : bytes)
    byte = static_cast<std::byte>(random());
  auto sumOf = [&] {
    auto buffer = filled(*gpu, bytes);
    auto sum = gpu->judge()->checksum(*buffer, 0, bytes.size());
    REQUIRE_MESSAGE(sum.has_value(), sum.error().text());
    return *sum;
  };
  uint64_t expected = 0;
  for (size_t word = 0; word * 8 < bytes.size(); ++word) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + word * 8, std::min<size_t>(8, bytes.size() - word * 8));
    expected += checksumTerm(bits, word);
  }
  CHECK(sumOf() == expected);
  for (size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    bytes[at] ^= std::byte{1};
    CHECK(sumOf() != expected);
    bytes[at] ^= std::byte{1};
  }
  std::swap_ranges(bytes.begin(), bytes.begin() + 8, bytes.begin() + 80);
  CHECK(sumOf() != expected);
}
