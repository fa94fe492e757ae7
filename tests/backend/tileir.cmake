tuned_test(test_tileir SOURCES tileir/tileir_bytecode_test.cpp tileir/tileir_assemble_test.cpp
  LINK tuned_tileir_bytecode tuned_tileir_assemble)
tuned_test(test_tileir_emit LLVM SOURCES tileir/tileir_test.cpp tileir/tileir_clusters_test.cpp tileir/tileir_sass_test.cpp LINK tuned_backend_tileir)
