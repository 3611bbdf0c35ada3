# Kills, frozen processes, cuts of the power and a dying PostgreSQL, a few of each, and for each a twin that must be
# caught. They wait for what the store says and time nothing. More of them by hand, with a larger --count.
function(fx_fault_proof name)
  add_test(NAME proof.${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/proof/${ARGN})
  set_tests_properties(proof.${name} PROPERTIES TIMEOUT 600
    ENVIRONMENT "FLUXABOT_BUILD=${FLUXABOT_RELEASE_DIR};FLUXABOT_CRASH_TEST=$<TARGET_FILE:store_crash_test>")
endfunction()

fx_fault_proof(crash crash --count 5 --random 4 --seed 7 --story selective)
fx_fault_proof(crash_twin crash --twin started-again --count 8 --seed 1)
fx_fault_proof(freeze freeze --count 2 --seed 7 --stacks 1 --story task)
fx_fault_proof(freeze_twin freeze --twin lease-and-token --count 12 --seed 1 --story task)
fx_fault_proof(power power --count 4 --seed 7)
fx_fault_proof(power_twin power --twin synchronous-normal --count 20 --seed 1)
fx_fault_proof(postgres postgres --count 80 --seed 7)
fx_fault_proof(postgres_twin postgres --twin asynchronous-commit --count 60 --seed 1)
