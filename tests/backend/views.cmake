tuned_test(test_views LLVM SOURCES tileir/free_accesses_test.cpp tileir/views_test.cpp LINK tuned_backend_reference)
