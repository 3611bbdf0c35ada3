set(store_contract
  contract/store_contract.c contract/store_contract_queue.c contract/store_contract_effects.c contract/store_contract_guard.c
  contract/store_contract_outbox.c contract/store_contract_at_once.c contract/store_contract_files.c contract/store_contract_storms.c
  contract/store_contract_ranks.c contract/store_contract_records.c
  contract/store_contract_faults.c support/fault_store.c support/fault_driver.c)

fx_unit_test(store_sqlite_test USES base store LIBS ${SQLITE})
target_sources(store_sqlite_test PRIVATE ${store_contract} support/test_disk.c)
target_include_directories(store_sqlite_test PRIVATE ${PROJECT_SOURCE_DIR}/src/store)
add_test(NAME unit.store_sqlite_again COMMAND store_sqlite_test again 8)
foreach(part IN ITEMS at_once audit disk log open schema)
  fx_unit_test(store_file_${part}_test USES base store LIBS ${SQLITE})
  target_sources(store_file_${part}_test PRIVATE unit/store_file_rig.c support/test_disk.c)
endforeach()
fx_unit_test(store_effects_test USES base store LIBS ${SQLITE})
fx_unit_test(store_crash_test USES base store LIBS ${SQLITE})
target_sources(store_crash_test PRIVATE support/test_disk.c)

fx_unit_test(store_postgres_test USES base store LIBS ${PQ})
target_sources(store_postgres_test PRIVATE ${store_contract} support/postgres.c
               support/postgres_proxy.c)
target_include_directories(store_postgres_test PRIVATE ${PROJECT_SOURCE_DIR}/src/store)
add_test(NAME unit.store_postgres_again COMMAND store_postgres_test again 2)
foreach(part IN ITEMS at_once away batch open race shared sending standby)
  fx_unit_test(store_postgres_${part}_test USES base store LIBS ${PQ})
  target_sources(store_postgres_${part}_test PRIVATE support/postgres.c support/postgres_proxy.c)
endforeach()
foreach(part IN ITEMS at_once away open)
  target_sources(store_postgres_${part}_test PRIVATE unit/store_postgres_rig.c)
endforeach()
