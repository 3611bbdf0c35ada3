/* fiber.c - see fiber.h: ucontext, with a word to AddressSanitizer at every change of stacks. */
#include "fiber.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/common_interface_defs.h>
enum { STACK_BYTES = 2 << 20 };
#else
enum { STACK_BYTES = 512 << 10 };
#endif

struct fiber_context {
    struct fiber_context *next; /* among the unused */
    ucontext_t inside, outside;
    void *stack;
    void (*run)(void *argument);
    void *argument;
    bool ended;
    void *fake_inside, *fake_outside; /* AddressSanitizer's */
    const void *outside_stack;
    size_t outside_bytes;
};

/* Stacks are dear to map and cheap to keep. */
static struct fiber_context *unused;

static void arrive_inside(struct fiber_context *context) {
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(context->fake_inside, &context->outside_stack,
                                    &context->outside_bytes);
#else
    (void)context;
#endif
}

static void swap_out(struct fiber_context *context) {
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(context->ended ? NULL : &context->fake_inside,
                                   context->outside_stack, context->outside_bytes);
#endif
    swapcontext(&context->inside, &context->outside);
    arrive_inside(context);
}

/* makecontext passes ints only. */
static void begin(unsigned high, unsigned low) {
    struct fiber_context *context = (void *)((uintptr_t)high << 32 | low);

    arrive_inside(context);
    context->run(context->argument);
    context->ended = true;
    swap_out(context);
    abort(); /* nobody enters what has ended */
}

static struct fiber_context *new_context(void) {
    struct fiber_context *context = calloc(1, sizeof *context);

    if (context == NULL)
        abort();
    context->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (context->stack == MAP_FAILED)
        abort();
    return context;
}

static void prepare(struct fiber_context *context) {
    getcontext(&context->inside);
    context->inside.uc_stack.ss_sp = context->stack;
    context->inside.uc_stack.ss_size = STACK_BYTES;
    context->inside.uc_link = NULL;
    makecontext(&context->inside, (void (*)(void))begin, 2, (unsigned)((uintptr_t)context >> 32),
                (unsigned)(uintptr_t)context);
}

struct fiber_context *fiber_new(void (*run)(void *argument), void *argument) {
    struct fiber_context *context = unused;

    if (context != NULL)
        unused = context->next;
    else
        context = new_context();
    context->run = run;
    context->argument = argument;
    context->ended = false;
    context->fake_inside = NULL;
    prepare(context);
    return context;
}

void fiber_free(struct fiber_context *context) {
    context->next = unused;
    unused = context;
}

void fiber_enter(struct fiber_context *context) {
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(&context->fake_outside, context->stack, STACK_BYTES);
#endif
    swapcontext(&context->outside, &context->inside);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(context->fake_outside, NULL, NULL);
#endif
}

void fiber_leave(struct fiber_context *context) {
    swap_out(context);
}
