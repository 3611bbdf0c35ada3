/* approvals_main.c - so many races and so many plans; see tests/proof/approvals. */
#include "approvals_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 0;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    bool postgres = argc > 3 && strcmp(argv[3], "postgres") == 0;
    struct proof proof;
    int failed = 0;

    if (argc != 4 || count < 1) {
        fprintf(stderr, "%s COUNT SEED sqlite|postgres\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    proof_open(&proof, postgres);
    struct proof_racers *racers = proof_races_begin(&proof);

    for (int i = 0; i < count; i++)
        failed += !proof_race(racers, i, seed + (uint64_t)i);
    proof_races_end(racers);
    printf("%d races\n", count);
    /* what the races left has no runbook behind it that could be asked again */
    proof_sql(&proof, "UPDATE jobs SET state = 2 WHERE state = 0");
    for (int i = 0; i < count; i++)
        failed += !proof_plan(&proof, i, seed + (uint64_t)i);
    printf("%d plans\n", count);
    proof_close(&proof);
    printf("%d passed, %d failed\n", 2 * count - failed, failed);
    return failed == 0 ? 0 : 1;
}
