fx_unit_test(chart_test USES base chart LIBS ${CAIRO})
