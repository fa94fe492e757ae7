tuned_test(test_cpu LLVM SOURCES cpu/cpu_test.cpp cpu/cpu_compare_test.cpp cpu/cpu_dot_test.cpp cpu/cpu_energy_test.cpp cpu/cpu_formats_test.cpp cpu/cpu_math_test.cpp cpu/cpu_ptx_test.cpp cpu/cpu_shortcuts_test.cpp cpu/cpu_waits_test.cpp cpu/cpu_support.cpp
           LINK tuned_backend_cpu)
tuned_test(test_libdevice LLVM SOURCES nvptx/libdevice_test.cpp rare_operations_test.cpp cpu/cpu_support.cpp
  LINK tuned_backend_cpu tuned_backend_reference tuned_backend_nvptx tuned_backend_tileir)
