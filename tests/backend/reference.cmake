tuned_test(test_reference LLVM SOURCES reference/reference_test.cpp reference/reference_numeric_test.cpp reference/reference_launch_test.cpp
  LINK tuned_backend_reference)
