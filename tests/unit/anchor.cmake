fx_unit_test(anchor_test USES base store anchor)
