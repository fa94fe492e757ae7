tuned_test(test_views LLVM SOURCES ${CMAKE_CURRENT_LIST_DIR}/free_accesses_test.cpp ${CMAKE_CURRENT_LIST_DIR}/views_test.cpp LINK tuned_backend_reference)
