tuned_test(test_reference LLVM SOURCES reference_test.cpp reference_numeric_test.cpp reference_launch_test.cpp
  LINK tuned_backend_reference)
