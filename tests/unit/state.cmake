fx_unit_test(state_memory_test USES base state)
target_sources(state_memory_test PRIVATE contract/state_contract.c)
fx_unit_test(state_redis_test USES base state redis)
target_sources(state_redis_test PRIVATE
  contract/state_contract.c support/redis_rig.c support/redis_server.c support/loopback.c)
fx_unit_test(state_redis_faults_test USES base state redis)
target_sources(state_redis_faults_test PRIVATE support/redis_rig.c support/redis_server.c support/loopback.c)
