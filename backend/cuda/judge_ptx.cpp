// Written by hand and not by our compilers, so that they are not judged by their own code. The driver
// assembles the text; it needs neither the toolkit nor the version of the device.
//
// Both kernels walk their range with a stride of the whole grid, keep what they find in registers, and meet
// once per thread (compare) or per CTA (checksum) in global memory.
#include "backend/cuda/judge_ptx.h"

namespace tuned::cuda {
namespace {

constexpr const char* head = R"(.version 7.0
.target sm_80
.address_size 64
)";

// %rd0 becomes the thread's place in the grid, %rd1 the number of threads in it.
constexpr const char* placeInGrid = R"(
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %ntid.x;
  mov.u32 %r2, %tid.x;
  mov.u32 %r3, %nctaid.x;
  mul.wide.u32 %rd0, %r0, %r1;
  cvt.u64.u32 %rd2, %r2;
  add.u64 %rd0, %rd0, %rd2;
  mul.wide.u32 %rd1, %r3, %r1;
)";

/// Loads both elements and goes to NEXT where their bytes are equal.
std::string loadBoth(int bytes) {
  const std::string bits = std::to_string(8 * bytes);
  const std::string wide = bytes == 1 ? "16" : bits; // PTX has no 8-bit registers
  const std::string load = bytes == 1 ? "ld.global.u8" : "ld.global.b" + bits;
  const std::string name = bytes == 8 ? "%rd" : bytes == 4 ? "%r" : "%h";
  const std::string got = name + (bytes == 8 ? "20" : "4"), expected = name + (bytes == 8 ? "21" : "5");
  return "  mad.lo.u64 %rd10, %rd0, " + std::to_string(bytes) + ", %rd3;\n" + "  mad.lo.u64 %rd11, %rd0, " +
         std::to_string(bytes) + ", %rd4;\n" + "  " + load + " " + got + ", [%rd10];\n" + "  " + load + " " +
         expected + ", [%rd11];\n" + "  setp.eq.b" + wide + " %p1, " + got + ", " + expected + ";\n" +
         "  @%p1 bra NEXT;\n";
}

/// The elements as doubles, in %d2 and %d3.
std::string widen(ElementCoding coding) {
  switch (coding) {
  case ElementCoding::F16:
    return "  cvt.f32.f16 %f0, %h4;\n  cvt.f32.f16 %f1, %h5;\n"
           "  cvt.f64.f32 %d2, %f0;\n  cvt.f64.f32 %d3, %f1;\n";
  case ElementCoding::BF16:
    return "  mov.u16 %h6, 0;\n  mov.b32 %f0, {%h6, %h4};\n  mov.b32 %f1, {%h6, %h5};\n"
           "  cvt.f64.f32 %d2, %f0;\n  cvt.f64.f32 %d3, %f1;\n";
  case ElementCoding::F32:
    return "  mov.b32 %f0, %r4;\n  mov.b32 %f1, %r5;\n  cvt.f64.f32 %d2, %f0;\n  cvt.f64.f32 %d3, %f1;\n";
  case ElementCoding::F64:
    return "  mov.b64 %d2, %rd20;\n  mov.b64 %d3, %rd21;\n";
  case ElementCoding::Table:
    return "  cvt.u64.u16 %rd12, %h4;\n  cvt.u64.u16 %rd13, %h5;\n"
           "  mad.lo.u64 %rd12, %rd12, 8, %rd6;\n  mad.lo.u64 %rd13, %rd13, 8, %rd6;\n"
           "  ld.global.f64 %d2, [%rd12];\n  ld.global.f64 %d3, [%rd13];\n";
  case ElementCoding::Exact:
    break;
  }
  return "";
}

/// The error of elements whose bytes differ, in %d6: |got - expected| in units of what is allowed.
constexpr const char* errorOfFloats = R"(
  setp.nan.f64 %p2, %d2, %d2;
  setp.nan.f64 %p3, %d3, %d3;
  and.pred %p4, %p2, %p3;
  @%p4 bra NEXT;
  setp.eq.f64 %p5, %d2, %d3;
  @%p5 bra NEXT;
  mov.f64 %d6, 0d7FF0000000000000;
  abs.f64 %d4, %d2;
  abs.f64 %d5, %d3;
  setp.geu.f64 %p6, %d4, 0d7FF0000000000000;
  setp.geu.f64 %p7, %d5, 0d7FF0000000000000;
  or.pred %p6, %p6, %p7;
  mul.rn.f64 %d7, %d0, %d5;
  add.rn.f64 %d7, %d7, %d1;
  setp.leu.f64 %p7, %d7, 0d0000000000000000;
  or.pred %p6, %p6, %p7;
  @%p6 bra JUDGE;
  sub.rn.f64 %d8, %d2, %d3;
  abs.f64 %d8, %d8;
  div.rn.f64 %d6, %d8, %d7;
)";

} // namespace

std::string checksumPtx() {
  std::string ptx = head;
  ptx += R"(
.visible .entry checksum(.param .u64 address, .param .u64 words, .param .u64 result)
{
  .reg .pred %p<4>;
  .reg .b32 %r<8>;
  .reg .b64 %rd<24>;
  .shared .align 8 .b64 sum;
  ld.param.u64 %rd3, [address];
  ld.param.u64 %rd4, [words];
  ld.param.u64 %rd5, [result];
  cvta.to.global.u64 %rd3, %rd3;
  cvta.to.global.u64 %rd5, %rd5;)";
  ptx += placeInGrid;
  ptx += R"(
  mov.u64 %rd6, 0;
  mov.u32 %r4, sum;
  setp.ne.u32 %p1, %r2, 0;
  @!%p1 st.shared.u64 [%r4], %rd6;
  bar.sync 0;
LOOP:
  setp.ge.u64 %p0, %rd0, %rd4;
  @%p0 bra DONE;
  mad.lo.u64 %rd10, %rd0, 8, %rd3;
  ld.global.u64 %rd11, [%rd10];
  add.u64 %rd12, %rd0, 1;
  mul.lo.u64 %rd12, %rd12, 0x9e3779b97f4a7c15;
  xor.b64 %rd11, %rd11, %rd12;
  shr.u64 %rd12, %rd11, 30;
  xor.b64 %rd11, %rd11, %rd12;
  mul.lo.u64 %rd11, %rd11, 0xbf58476d1ce4e5b9;
  shr.u64 %rd12, %rd11, 27;
  xor.b64 %rd11, %rd11, %rd12;
  mul.lo.u64 %rd11, %rd11, 0x94d049bb133111eb;
  shr.u64 %rd12, %rd11, 31;
  xor.b64 %rd11, %rd11, %rd12;
  add.u64 %rd6, %rd6, %rd11;
  add.u64 %rd0, %rd0, %rd1;
  bra LOOP;
DONE:
  atom.shared.add.u64 %rd13, [%r4], %rd6;
  bar.sync 0;
  @%p1 bra END;
  ld.shared.u64 %rd6, [%r4];
  red.global.add.u64 [%rd5], %rd6;
END:
  ret;
}
)";
  return ptx;
}

std::string comparePtx(ElementCoding coding, int elementBytes) {
  const bool exact = coding == ElementCoding::Exact;
  return std::string(head) + R"(
.visible .entry compare(.param .u64 got, .param .u64 expected, .param .u64 count, .param .f64 relative,
                        .param .f64 absolute, .param .u64 table, .param .u64 result)
{
  .reg .pred %p<9>;
  .reg .b16 %h<8>;
  .reg .b32 %r<8>;
  .reg .f32 %f<2>;
  .reg .b64 %rd<24>;
  .reg .f64 %d<10>;
  ld.param.u64 %rd3, [got];
  ld.param.u64 %rd4, [expected];
  ld.param.u64 %rd5, [count];
  ld.param.f64 %d0, [relative];
  ld.param.f64 %d1, [absolute];
  ld.param.u64 %rd6, [table];
  ld.param.u64 %rd7, [result];
  cvta.to.global.u64 %rd3, %rd3;
  cvta.to.global.u64 %rd4, %rd4;
  cvta.to.global.u64 %rd6, %rd6;
  cvta.to.global.u64 %rd7, %rd7;)" +
         placeInGrid + R"(
  mov.u64 %rd8, 0;
  mov.u64 %rd9, 0xffffffffffffffff;
  mov.f64 %d9, 0d0000000000000000;
LOOP:
  setp.ge.u64 %p0, %rd0, %rd5;
  @%p0 bra DONE;
)" + loadBoth(elementBytes) +
         (exact ? std::string("  mov.f64 %d6, 0d7FF0000000000000;\n") : widen(coding) + errorOfFloats) +
         R"(JUDGE:
  max.f64 %d9, %d9, %d6;
  setp.le.f64 %p8, %d6, 0d3FF0000000000000;
  @%p8 bra NEXT;
  add.u64 %rd8, %rd8, 1;
  min.u64 %rd9, %rd9, %rd0;
NEXT:
  add.u64 %rd0, %rd0, %rd1;
  bra LOOP;
DONE:
  setp.eq.f64 %p1, %d9, 0d0000000000000000;
  @%p1 bra END;
  mov.b64 %rd14, %d9;
  red.global.max.u64 [%rd7+16], %rd14;
  setp.eq.u64 %p2, %rd8, 0;
  @%p2 bra END;
  red.global.add.u64 [%rd7], %rd8;
  red.global.min.u64 [%rd7+8], %rd9;
END:
  ret;
}
)";
}

uint64_t checksumTerm(uint64_t bits, uint64_t word) {
  uint64_t z = bits ^ (word + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

} // namespace tuned::cuda
