# The library as a target, and how it is installed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(fedmote ${FEDMOTE_SOURCES})
add_library(fedmote::fedmote ALIAS fedmote)
set_target_properties(fedmote PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
target_compile_options(fedmote PRIVATE ${FEDMOTE_OPTIONS})
target_include_directories(fedmote PUBLIC
  "$<BUILD_INTERFACE:${FEDMOTE_INCLUDE}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

set(FEDMOTE_PACKAGE "${CMAKE_INSTALL_LIBDIR}/cmake/fedmote")
set(FEDMOTE_CONFIG_VERSION "${CMAKE_CURRENT_BINARY_DIR}/fedmote-config-version.cmake")
write_basic_package_version_file("${FEDMOTE_CONFIG_VERSION}" COMPATIBILITY SameMinorVersion)
install(TARGETS fedmote EXPORT fedmote)
install(FILES "${FEDMOTE_INCLUDE}/fedmote.h" "${FEDMOTE_INCLUDE}/fedmote_module.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT fedmote NAMESPACE fedmote:: FILE fedmote-config.cmake DESTINATION "${FEDMOTE_PACKAGE}")
install(FILES "${FEDMOTE_CONFIG_VERSION}" DESTINATION "${FEDMOTE_PACKAGE}")
