# The page in a real browser with the real bot; its pictures are kept under tests/artefacts/screens.
add_test(NAME e2e.page COMMAND node --test --test-reporter=spec ${CMAKE_CURRENT_SOURCE_DIR}/e2e/page.test.mjs)
set_tests_properties(e2e.page PROPERTIES TIMEOUT 600
                     ENVIRONMENT "FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR}")
