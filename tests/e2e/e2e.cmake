# End-to-end tests: each starts a sandbox of its own on free ports, so they may run side by side.
find_program(NODE node REQUIRED)

# Generous: whoever hangs is told by its own waits, with what it saw, long before ctest ends it.
set(E2E_TIMEOUT 600)

function(fx_e2e_test name)
  add_test(NAME e2e.${name} COMMAND ${NODE} --test --test-reporter=spec ${PROJECT_SOURCE_DIR}/tests/e2e/${name}.test.mjs)
  set_tests_properties(e2e.${name} PROPERTIES TIMEOUT ${E2E_TIMEOUT} ENVIRONMENT FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR})
endfunction()

fx_e2e_test(move_task)
fx_e2e_test(approvers)
fx_e2e_test(readme)
fx_e2e_test(follow_up)
fx_e2e_test(main_job)
fx_e2e_test(schedule)
fx_e2e_test(redis)
fx_e2e_test(rights)
fx_e2e_test(doctor)
fx_e2e_test(postgres)
fx_e2e_test(reconcile)
fx_e2e_test(life)

# The same once more with the programs of this tree, which carry its sanitizers.
if(FLUXABOT_SANITIZE)
  add_test(NAME e2e.main_job_sanitized COMMAND ${NODE} --test --test-reporter=spec ${PROJECT_SOURCE_DIR}/tests/e2e/main_job.test.mjs)
  set_tests_properties(e2e.main_job_sanitized PROPERTIES TIMEOUT ${E2E_TIMEOUT} ENVIRONMENT FLUXABOT_BUILD=${CMAKE_BINARY_DIR})
endif()
