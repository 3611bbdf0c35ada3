/* sandbox_main.c - argv to sandbox_main; never linked into fluxabot. */
#include "sandbox/private.h"

int main(int argc, char **argv) {
    return sandbox_main(argc, argv);
}
