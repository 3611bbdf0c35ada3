foreach(test IN ITEMS sql_test sql_change_test)
  fx_unit_test(${test} USES base sql LIBS ${PQ})
  target_sources(${test} PRIVATE support/postgres.c)
endforeach()
