// A library that says it is NVRTC 11.2: see nvrtc_test.cpp.
extern "C" int nvrtcVersion(int* major, int* minor) {
  *major = 11;
  *minor = 2;
  return 0;
}
