# Programs that others wrote judge what we say to others; each file drives a whole sandbox.
find_program(NODE node REQUIRED)
foreach(judge IN ITEMS bolt lambda listeners localsqs messages pictures sigv4 sns sqs webapi)
  add_test(NAME judge.${judge}
           COMMAND ${NODE} --test --test-reporter=spec ${CMAKE_CURRENT_LIST_DIR}/${judge}.test.mjs)
  set_tests_properties(judge.${judge} PROPERTIES TIMEOUT 600
                       ENVIRONMENT "FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR}")
endforeach()

# The program asked for its credentials alone, and botocore beside it; without botocore it is skipped.
add_executable(credential_probe support/credential_probe.c)
target_link_libraries(credential_probe PRIVATE fx_base fx_http fx_aws)
add_test(NAME judge.credentials
         COMMAND ${NODE} --test --test-reporter=spec ${CMAKE_CURRENT_LIST_DIR}/credentials.test.mjs)
set_tests_properties(judge.credentials PROPERTIES TIMEOUT 600
                     ENVIRONMENT "CREDENTIAL_PROBE=$<TARGET_FILE:credential_probe>")

# Texts on their way through the product's own encoders to whoever reads them.
add_executable(hostile_probe support/hostile_probe.c)
target_include_directories(hostile_probe PRIVATE ${PROJECT_SOURCE_DIR}/src/steps)
target_link_libraries(hostile_probe PRIVATE fx_steps fx_redis fx_expr)
add_test(NAME judge.hostile
         COMMAND ${NODE} --test --test-reporter=spec ${CMAKE_CURRENT_LIST_DIR}/hostile.test.mjs)
set_tests_properties(judge.hostile PROPERTIES TIMEOUT 600 ENVIRONMENT
                     "FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR};HOSTILE_PROBE=$<TARGET_FILE:hostile_probe>")
