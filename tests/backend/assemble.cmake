tuned_test(test_assemble SOURCES assemble_test.cpp toolchain_test.cpp cubin_test.cpp LINK tuned_assemble)
