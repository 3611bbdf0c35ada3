# The engine in one thread, with a clock and a chance of the test's own: sim/*.c take the place of the machine.
file(GLOB simulation_sources CONFIGURE_DEPENDS proof/sim/*.c)
add_executable(proof_simulation ${simulation_sources} support/fault_store.c)
target_include_directories(proof_simulation PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src/engine)
target_link_libraries(proof_simulation PRIVATE fx_engine fx_steps fx_runbook fx_aws fx_slackapi fx_store fx_state fx_base)
foreach(replaced pthread_create pthread_join pthread_cond_wait pthread_cond_timedwait pthread_cond_signal
                 pthread_cond_broadcast pthread_rwlock_rdlock pthread_rwlock_wrlock fx_pause aws_retry_wait store_write)
    target_link_options(proof_simulation PRIVATE -Wl,--wrap=${replaced})
endforeach()

set(simulation_environment FLUXABOT_SIMULATION=$<TARGET_FILE:proof_simulation>)
add_test(NAME proof.simulation COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/simulation --count 150 --seed 1 --replay 15)
add_test(NAME proof.simulation_twin COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/simulation-twin --seed 1070)
set_tests_properties(proof.simulation proof.simulation_twin PROPERTIES ENVIRONMENT "${simulation_environment}" TIMEOUT 600)
