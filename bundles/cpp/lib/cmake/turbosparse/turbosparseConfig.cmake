# Targets: turbosparse::turbosparse, the shared library, and turbosparse::static. Both need the CUDA runtime's headers.
include(CMakeFindDependencyMacro)
find_dependency(CUDAToolkit)
find_dependency(Threads)

get_filename_component(turbosparse_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET turbosparse::turbosparse)
  add_library(turbosparse::turbosparse SHARED IMPORTED)
  set_target_properties(turbosparse::turbosparse PROPERTIES
    IMPORTED_LOCATION "${turbosparse_prefix}/lib/libturbosparse.so"
    IMPORTED_NO_SONAME TRUE)

  add_library(turbosparse::static STATIC IMPORTED)
  set_target_properties(turbosparse::static PROPERTIES
    IMPORTED_LOCATION "${turbosparse_prefix}/lib/libturbosparse.a"
    IMPORTED_LINK_INTERFACE_LANGUAGES CXX)
  # The kernels bring the runtime that registers them; libdl and librt are what that one needs.
  target_link_libraries(turbosparse::static INTERFACE CUDA::cudart_static Threads::Threads ${CMAKE_DL_LIBS} rt)

  foreach(target IN ITEMS turbosparse static)
    target_include_directories(turbosparse::${target} INTERFACE
      "${turbosparse_prefix}/include" ${CUDAToolkit_INCLUDE_DIRS})
    target_compile_features(turbosparse::${target} INTERFACE cxx_std_17)
  endforeach()
endif()
