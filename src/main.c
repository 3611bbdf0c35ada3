/* main.c - argv to app. */
#include "fluxabot/app.h"

int main(int argc, char **argv) {
    return fx_app_main(argc, argv);
}
