# Links only the parts of LLVM and MLIR that are used, from the archives, for binaries that run where no LLVM is.
# Debian's MLIR archives name the shared libLLVM as their dependency: that name is taken out, and the components that
# kernels need (NVPTX, the host's X86, the JIT) are put in.
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(library IN LISTS imported)
  if(library MATCHES "^(MLIR|LLVM)")
    get_target_property(needs ${library} INTERFACE_LINK_LIBRARIES)
    if(needs)
      list(FILTER needs EXCLUDE REGEX "^LLVM$|libz3|ZLIB::|zstd::")
      set_target_properties(${library} PROPERTIES INTERFACE_LINK_LIBRARIES "${needs}")
    endif()
  endif()
endforeach()

llvm_map_components_to_libnames(llvm_parts core support nvptxcodegen nvptxdesc nvptxinfo x86codegen x86desc x86info
  ipo linker irreader bitreader target targetparser analysis scalaropts instcombine
  transformutils vectorize aggressiveinstcombine codegen asmprinter mc)
target_link_libraries(tuned_llvm INTERFACE
  MLIRParser MLIRArithDialect MLIRArithTransforms MLIRMathDialect MLIRSCFDialect MLIRSCFUtils MLIRSCFTransforms MLIRControlFlowToSCF MLIRControlFlowDialect
  MLIRUBDialect MLIRLLVMDialect MLIRGPUDialect MLIRFuncDialect MLIRTransforms MLIRTransformUtils MLIRPass MLIRIR
  MLIRAnalysis MLIRFunctionInterfaces MLIRSideEffectInterfaces MLIRInferTypeOpInterface MLIRLoopLikeInterface
  ${llvm_parts} libz.a libzstd.a)
add_compile_options(-ffunction-sections -fdata-sections)
# Relative relocations packed (glibc 2.36 reads them) are two megabytes less.
# Programs carry the unwinder; libraries take the process's: the C library ends a thread by unwinding it with that one, as
# Python does with its threads at the end, and a second unwinder in the way aborts.
add_link_options(-static-libstdc++ "$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-static-libgcc>" -Wl,--gc-sections -Wl,-s -Wl,-z,pack-relative-relocs)
