# Kernel documents and expressions: no LLVM.
tuned_test(test_kernel
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/cuda_document_test.cpp ${CMAKE_CURRENT_LIST_DIR}/expression_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/kernel_test.cpp ${CMAKE_CURRENT_LIST_DIR}/kernel_sources_test.cpp
  LINK tuned_kernel)
