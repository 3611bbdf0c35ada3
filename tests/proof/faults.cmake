# Kills, frozen processes, cuts of the power and a dying PostgreSQL, a few of each. They wait for what the store says and
# time nothing. More of them, and the twins that need many runs to be caught, are in tests/long.
function(fx_fault_proof name)
  add_test(NAME proof.${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/${ARGN})
  set_tests_properties(proof.${name} PROPERTIES TIMEOUT 600
    ENVIRONMENT "FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR};FLUXABOT_CRASH_TEST=$<TARGET_FILE:store_crash_test>")
endfunction()

fx_fault_proof(crash crash --count 4 --random 3 --seed 7 --story selective)
fx_fault_proof(crash_change crash --count 6 --random 0 --seed 7 --story change)
fx_fault_proof(crash_quarantine crash --count 4 --random 0 --seed 7 --story quarantine)
fx_fault_proof(crash_sql crash --count 6 --random 0 --seed 7 --story sql)
fx_fault_proof(freeze freeze --count 2 --seed 7 --stacks 1 --story task)
fx_fault_proof(power power --count 4 --seed 7)
fx_fault_proof(power_twin power --twin synchronous-normal --count 60 --seed 1)
fx_fault_proof(postgres postgres --count 60 --seed 7)
