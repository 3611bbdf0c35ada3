# The page's files are embedded by .incbin: page.c is compiled again when one of them changes.
file(GLOB page_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/sandbox/page/*)
set_source_files_properties(
  ${PROJECT_SOURCE_DIR}/src/sandbox/page.c
  PROPERTIES COMPILE_DEFINITIONS "SANDBOX_PAGE_DIR=\"${PROJECT_SOURCE_DIR}/src/sandbox/page\""
             OBJECT_DEPENDS "${page_files}")
