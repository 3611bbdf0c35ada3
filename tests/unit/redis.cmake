fx_unit_test(redis_test USES base redis)
target_sources(redis_test PRIVATE support/redis_server.c support/loopback.c)
