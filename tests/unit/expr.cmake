fx_unit_test(expr_test USES base expr)
fx_unit_test(expr_hostile_test USES base expr LIBS ${LUA})
