# Benchmarks are commands of their own; only what repeats on a busy machine is a test.
find_program(NODE node REQUIRED)
add_test(NAME bench.ack_instructions COMMAND ${NODE} ${CMAKE_CURRENT_LIST_DIR}/ack --only instructions)
set_tests_properties(bench.ack_instructions PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77
                     ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
add_test(NAME bench.check_instructions COMMAND ${NODE} ${CMAKE_CURRENT_LIST_DIR}/check --only instructions)
set_tests_properties(bench.check_instructions PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77
                     ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
