# Reads the list of sources, which is in sources.mk alone: FEDMOTE_SOURCES, as absolute paths.
get_filename_component(FEDMOTE_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
file(STRINGS "${FEDMOTE_ROOT}/sources.mk" FEDMOTE_SOURCES REGEX "^  src/.*[.]c")
list(TRANSFORM FEDMOTE_SOURCES REPLACE "[ \\]+" "")
list(TRANSFORM FEDMOTE_SOURCES PREPEND "${FEDMOTE_ROOT}/")

set(FEDMOTE_INCLUDE "${FEDMOTE_ROOT}/include")

# Same bits everywhere: no fused multiply-add.
set(FEDMOTE_OPTIONS -ffp-contract=off)
