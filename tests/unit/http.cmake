fx_unit_test(http_test USES base http)
target_sources(http_test PRIVATE support/loopback.c support/tls_server.c)
