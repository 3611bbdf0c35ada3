# The engine in one thread, with a clock and a chance of the test's own: sim/*.c take the place of the machine.
file(GLOB simulation_sources CONFIGURE_DEPENDS proof/sim/*.c)
add_executable(proof_simulation ${simulation_sources} support/fault_store.c)
target_include_directories(proof_simulation PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src/engine)
target_link_libraries(proof_simulation PRIVATE fx_engine fx_steps fx_runbook fx_aws fx_slackapi fx_store fx_state fx_base)
target_link_options(proof_simulation PRIVATE -Wl,--wrap=pthread_create,--wrap=pthread_join,--wrap=fx_pause,--wrap=aws_retry_wait)

set(simulation_environment FLUXABOT_SIMULATION=$<TARGET_FILE:proof_simulation>)
add_test(NAME proof.simulation COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/simulation --count 150 --seed 1 --replay 15)
add_test(NAME proof.simulation_twin COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/simulation-twin --seed 1070)
set_tests_properties(proof.simulation proof.simulation_twin PROPERTIES ENVIRONMENT "${simulation_environment}" TIMEOUT 300)
