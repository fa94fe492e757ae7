tuned_test(test_assemble SOURCES nvptx/assemble_test.cpp toolchain_test.cpp nvptx/cubin_test.cpp LINK tuned_assemble)
