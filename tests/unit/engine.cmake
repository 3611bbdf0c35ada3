fx_unit_test(engine_decide_test USES base store state engine LIBS ${SQLITE})
target_include_directories(engine_decide_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_decide_test PRIVATE support/scripted_http.c)
