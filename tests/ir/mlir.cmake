# The MLIR part of ir: dialect, analyses, specialising, and the round trip over recorded kernels.
add_executable(roundtrip ${CMAKE_CURRENT_LIST_DIR}/roundtrip.cpp)
target_link_libraries(roundtrip PRIVATE tuned_ir)
add_executable(simplify_all ${CMAKE_CURRENT_LIST_DIR}/simplify_all.cpp)
target_link_libraries(simplify_all PRIVATE tuned_ir)
tuned_test(test_module LLVM
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/analysis_test.cpp ${CMAKE_CURRENT_LIST_DIR}/axis_property_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/bad_module_test.cpp ${CMAKE_CURRENT_LIST_DIR}/combination_order_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/count_work_test.cpp ${CMAKE_CURRENT_LIST_DIR}/reorder_sums_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/dialect_test.cpp ${CMAKE_CURRENT_LIST_DIR}/specialize_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/truncate_dots_test.cpp ${CMAKE_CURRENT_LIST_DIR}/versions_test.cpp
  LINK tuned_ir)
tuned_reuse(roundtrip tuned_llvm_headers)
tuned_reuse(simplify_all tuned_llvm_headers)
