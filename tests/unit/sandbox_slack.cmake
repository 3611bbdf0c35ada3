foreach(name IN ITEMS sandbox_slack_blocks_test sandbox_slack_api_test sandbox_slack_doors_test
                      sandbox_pagerduty_test)
  fx_unit_test(${name} USES base http sandbox)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/sandbox)
endforeach()
find_program(NODE node)
if(NODE)
  add_test(NAME unit.sandbox_page_text
           COMMAND ${NODE} --test ${PROJECT_SOURCE_DIR}/tests/unit/sandbox_page_text.mjs)
endif()
