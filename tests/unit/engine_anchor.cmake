fx_unit_test(engine_anchor_test USES base store anchor state engine LIBS ${SQLITE})
target_include_directories(engine_anchor_test PRIVATE ${PROJECT_SOURCE_DIR}/src/engine)
target_sources(engine_anchor_test PRIVATE support/scripted_http.c)
