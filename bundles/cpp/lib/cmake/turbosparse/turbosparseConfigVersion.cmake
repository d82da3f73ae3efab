# The interface may change with every minor version before 1.0.
file(READ "${CMAKE_CURRENT_LIST_DIR}/../../../manifest.json" turbosparse_manifest)
string(JSON PACKAGE_VERSION GET "${turbosparse_manifest}" version)
string(REGEX MATCH "^[0-9]+\\.[0-9]+" turbosparse_minor "${PACKAGE_VERSION}")

if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION OR
   NOT "${PACKAGE_FIND_VERSION_MAJOR}.${PACKAGE_FIND_VERSION_MINOR}" VERSION_EQUAL turbosparse_minor)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
