fx_unit_test(incident_read_test USES base incident)
fx_unit_test(incident_decide_test USES base incident)
fx_unit_test(incident_described_test USES base incident)
fx_unit_test(incident_missed_test USES base incident)
