# Rows of the runbooks against the sandbox: what people type, what the card says, what it says when it cannot know.
# rows checks the list of them.
find_program(NODE node REQUIRED)

foreach(name fluxa_changes fluxa_database fluxa_functions rows fluxa_instance fluxa_logs fluxa_metrics fluxa_manual
        fluxa_tools fluxa_watch check fluxa_letters fluxa_files fluxa_incidents iam fluxa_rds)
  add_test(NAME acceptance.${name} COMMAND ${NODE} --test --test-reporter=spec ${PROJECT_SOURCE_DIR}/tests/acceptance/${name}.test.mjs)
  set_tests_properties(acceptance.${name} PROPERTIES TIMEOUT 180 ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
endforeach()
