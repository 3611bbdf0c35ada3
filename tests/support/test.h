/* test.h - cmocka behind the four standard headers it wants, and what every test uses.
 *
 * A test name is a sentence about behaviour: refuses_a_changed_body.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka comes after these four */
#include <cmocka.h>

#include "fluxabot/base/error.h"

/* Stops with the error's message when expr is not FX_OK. Wants a local `struct fx_error err`. */
#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        if ((expr) != FX_OK)                                                                       \
            fail_msg("%s: %s: %s", #expr, fx_code_name(err.code), err.message);                    \
    } while (0)
