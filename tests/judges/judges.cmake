# Programs that others wrote judge what we say to others; each file drives a whole sandbox.
find_program(NODE node REQUIRED)
foreach(judge IN ITEMS bolt listeners localsqs messages sigv4 sns sqs webapi)
  add_test(NAME judge.${judge}
           COMMAND ${NODE} --test --test-reporter=spec ${CMAKE_CURRENT_LIST_DIR}/${judge}.test.mjs)
  set_tests_properties(judge.${judge} PROPERTIES TIMEOUT 180
                       ENVIRONMENT "FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR}")
endforeach()
