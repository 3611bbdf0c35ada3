/* turns.h - whose turn it is on a processor that several threads want: sched(7).
 *
 * Where there are few processors, a thread that wakes for the disk's answer may wait until another
 * one has used up its turn, or push aside who woke it in the middle of a hurry. Somebody waits for
 * those who acknowledge; those who work have time. These are hints for the calling thread and the
 * threads that it starts from then on; they need no privilege, and do nothing where the kernel does
 * not know them (short turns: Linux 6.12).
 */
#pragma once

/* It answers somebody: its turns are short, and come soon after it wakes. */
void fx_turns_short(void);
/* As at the start of the program. */
void fx_turns_usual(void);
/* It works: when it wakes, it does not push aside whoever runs. */
void fx_turns_patient(void);
