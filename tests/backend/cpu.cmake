tuned_test(test_cpu LLVM SOURCES cpu_test.cpp cpu_compare_test.cpp cpu_dot_test.cpp cpu_formats_test.cpp cpu_math_test.cpp cpu_ptx_test.cpp cpu_support.cpp
           LINK tuned_backend_cpu)
tuned_test(test_libdevice LLVM SOURCES libdevice_test.cpp cpu_support.cpp LINK tuned_backend_cpu tuned_backend_reference)
