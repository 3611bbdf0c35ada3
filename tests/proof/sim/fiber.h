/* fiber.h - threads of execution that one real thread runs in turns: each has a stack of its own
 * and goes on exactly where it gave up. Nothing here decides who is next.
 */
#pragma once

/* A context that can be left and entered. */
struct fiber_context;

/* run(argument) begins at the first fiber_enter and must end before fiber_free. */
struct fiber_context *fiber_new(void (*run)(void *argument), void *argument);
/* Its stack is used again. */
void fiber_free(struct fiber_context *context);
/* From outside of any: runs it until it gives up or ends. */
void fiber_enter(struct fiber_context *context);
/* From inside: back to whoever entered. */
void fiber_leave(struct fiber_context *context);
