// Small PTX kernels that the tests of assembling and of launching share.
#pragma once

#include <string>

namespace tuned::test {

/// A header for an architecture and, behind it, a body. PTX 8.8 is what toolkits 12.9 and later read.
inline std::string ptxModule(const std::string& architecture, const std::string& body) {
  return ".version 8.8\n.target " + architecture + "\n.address_size 64\n" + body;
}

/// rotate(p, n): p[i] = value of the thread to the right in its CTA, through 4096 bytes of static shared
/// memory.
inline std::string rotateKernel(const std::string& architecture) {
  return ptxModule(architecture, R"(
.visible .entry rotate(.param .u64 p, .param .u32 n) {
  .reg .b64 %rd<5>;
  .reg .b32 %r<9>;
  .reg .pred %q;
  .shared .align 16 .b8 exchange[4096];
  ld.param.u64 %rd1, [p];
  ld.param.u32 %r6, [n];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u32 %r1, %tid.x;
  mov.u32 %r7, %ntid.x;
  mul.wide.u32 %rd3, %r1, 4;
  add.u64 %rd4, %rd2, %rd3;
  ld.global.u32 %r2, [%rd4];
  mov.u32 %r3, exchange;
  mad.lo.u32 %r4, %r1, 4, %r3;
  st.shared.u32 [%r4], %r2;
  bar.sync 0;
  add.u32 %r5, %r1, 1;
  setp.eq.u32 %q, %r5, %r7;
  selp.u32 %r5, 0, %r5, %q;
  mad.lo.u32 %r4, %r5, 4, %r3;
  ld.shared.u32 %r2, [%r4];
  setp.lt.u32 %q, %r1, %r6;
  @%q st.global.u32 [%rd4], %r2;
  ret;
}
)");
}

/// stretch(p): writes the last of `dynamic` shared bytes, whose size only the launch says, and stores it to
/// p[0].
inline std::string dynamicSharedKernel(const std::string& architecture, int bytes) {
  return ptxModule(architecture, R"(
.extern .shared .align 16 .b8 pool[];
.visible .entry stretch(.param .u64 p) {
  .reg .b64 %rd<3>;
  .reg .b32 %r<4>;
  ld.param.u64 %rd1, [p];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u32 %r1, pool;
  mov.u32 %r2, 77;
  st.shared.u32 [%r1+)" + std::to_string(bytes - 4) +
                                     R"(], %r2;
  ld.shared.u32 %r3, [%r1+)" + std::to_string(bytes - 4) +
                                     R"(];
  st.global.u32 [%rd2], %r3;
  ret;
}
)");
}

/// hang(): never ends.
inline std::string endlessKernel(const std::string& architecture) {
  return ptxModule(architecture, R"(
.visible .entry hang(.param .u64 p) {
  .reg .b64 %rd<3>;
  .reg .b32 %r<2>;
  .reg .pred %q;
  ld.param.u64 %rd1, [p];
  cvta.to.global.u64 %rd2, %rd1;
again:
  ld.volatile.global.u32 %r1, [%rd2];
  setp.ne.u32 %q, %r1, 12345;
  @%q bra again;
  ret;
}
)");
}

/// trap(): writes through a null pointer.
inline std::string faultingKernel(const std::string& architecture) {
  return ptxModule(architecture, R"(
.visible .entry trap(.param .u64 p) {
  .reg .b64 %rd<2>;
  .reg .b32 %r<2>;
  mov.u64 %rd1, 0;
  mov.u32 %r1, 1;
  st.global.u32 [%rd1], %r1;
  ret;
}
)");
}

} // namespace tuned::test
