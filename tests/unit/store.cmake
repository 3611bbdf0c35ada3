fx_unit_test(store_sqlite_test USES base store LIBS ${SQLITE})
target_sources(store_sqlite_test PRIVATE
  contract/store_contract.c contract/store_contract_queue.c contract/store_contract_effects.c
  contract/store_contract_outbox.c contract/store_contract_records.c
  contract/store_contract_faults.c support/fault_store.c support/test_disk.c)
fx_unit_test(store_file_test USES base store LIBS ${SQLITE})
target_sources(store_file_test PRIVATE support/test_disk.c)
fx_unit_test(store_crash_test USES base store LIBS ${SQLITE})
target_sources(store_crash_test PRIVATE support/test_disk.c)
