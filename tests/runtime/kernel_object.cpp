// Compiled to an object that object_test.cpp loads: constants, data, calls and addresses of functions
// outside.
#include <cmath>
#include <cstdint>
#include <cstring>

namespace {
const float table[4] = {1, 10, 100, 1000};              // read by index: a section of constants
float (*const chosen[2])(float) = {std::sin, std::cos}; // addresses that have to be filled in
int64_t counter = 0;
} // namespace

extern "C" {
void tuned_assert_failed(const char* message);
void missing_function();

/// out[program] = table[program % 4] * sin or cos(program); slot 0 is the address of out.
void scaled(const uint64_t* slots, int64_t first, int64_t last, const int32_t*, void* scratch) {
  auto* out = reinterpret_cast<float*>(slots[0]);
  auto* room = static_cast<float*>(scratch);
  for (int64_t program = first; program < last; ++program) {
    room[0] = table[program % 4] * chosen[program % 2](static_cast<float>(program));
    std::memcpy(&out[program], room, sizeof(float));
    ++counter;
  }
}

void failing(const uint64_t*, int64_t first, int64_t last, const int32_t*, void*) {
  if (first <= 5 && 5 < last) tuned_assert_failed("program 5 is not welcome");
}

void counted(const uint64_t* slots, int64_t, int64_t, const int32_t*, void*) {
  *reinterpret_cast<int64_t*>(slots[0]) = counter;
}
}
