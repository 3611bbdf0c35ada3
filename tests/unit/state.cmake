fx_unit_test(state_memory_test USES base state)
