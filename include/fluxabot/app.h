/* app.h - argv to a running program.
 */
#pragma once

/* The whole of fluxabot: reads the command line, does what it says, returns the exit code: 0 good,
 * 1 findings or failure, 2 wrong use. */
int fx_app_main(int argc, char **argv);
