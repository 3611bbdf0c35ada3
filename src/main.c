/* main.c - argv to app. */
int main(void) {
    return 2;
}
