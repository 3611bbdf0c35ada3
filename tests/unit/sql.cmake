fx_unit_test(sql_test USES base sql LIBS ${PQ})
target_sources(sql_test PRIVATE support/postgres.c)
