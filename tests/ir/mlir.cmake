# The MLIR part of ir: dialect, analyses, specialising, and the round trip over recorded kernels.
add_executable(roundtrip ${CMAKE_CURRENT_LIST_DIR}/roundtrip.cpp)
target_link_libraries(roundtrip PRIVATE tuned_ir)
add_executable(simplify_all ${CMAKE_CURRENT_LIST_DIR}/simplify_all.cpp)
target_link_libraries(simplify_all PRIVATE tuned_ir)
