// checks.mjs - what is asked of the models: claims that hold, twins that must be caught, gaps that are known.
//
// `with` are the #defines of a run. `by` is what a counterexample has to break: a twin that is caught for
// another reason is not caught. Bounds are small for every build, and larger in `long`.

const lives = ['LIVENESS'];
const cycle = /acceptance cycle/;

// Claims of the code as it is. Every one is searched to its end.
export const claims = [
  { model: 'effect', name: 'one effect for each approval, none unsaid: crash', with: ['CRASHES=1', 'LAPSES=0'], long: ['CRASHES=1', 'LAPSES=1'] },
  { model: 'effect', name: 'the same: two leases', with: ['CRASHES=0', 'LAPSES=2', 'TROUBLES=0'], long: ['CRASHES=1', 'LAPSES=2', 'TROUBLES=0'] },
  { model: 'effect', name: 'the same: lease and trouble', with: ['CRASHES=0', 'LAPSES=1'], long: ['CRASHES=0', 'LAPSES=3'] },
  { model: 'effect', name: 'every run ends', with: [...lives, 'CRASHES=1', 'LAPSES=0', 'TROUBLES=0'], long: [...lives, 'CRASHES=1', 'LAPSES=1'] },
  { model: 'effect', name: 'every run ends, also when our task is not listed any more', with: [...lives, 'STRANGER=1', 'LISTED=1', 'CRASHES=0', 'LAPSES=0', 'TROUBLES=0'], long: [...lives, 'STRANGER=1', 'LISTED=1', 'CRASHES=1', 'LAPSES=0'] },
  { model: 'effect', name: 'the same: somebody else starts tasks', with: ['STRANGER=1', 'CRASHES=0', 'LAPSES=1', 'TROUBLES=0'], long: ['STRANGER=1', 'CRASHES=1', 'LAPSES=1', 'TROUBLES=0'] },
  { model: 'approvals', name: 'one decision, by two replicas', with: ['CLICKS=1'], long: ['CLICKS=2'] },
  { model: 'approvals', name: 'two approvers', with: ['NEEDED=2', 'CLICKS=1'], long: ['NEEDED=2', 'CLICKS=2'] },
  { model: 'approvals', name: 'approved, confirmed, in time, not stopped and not frozen at the intent', with: ['EXECUTE', 'FREEZE=1', 'CRASHES=0'], long: ['EXECUTE', 'FREEZE=2', 'CRASHES=1', 'LAPSES=2'] },
  { model: 'approvals', name: 'every run ends', with: [...lives, 'EXECUTE', 'CRASHES=0', 'LAPSES=0'], long: [...lives, 'EXECUTE', 'CRASHES=1', 'LAPSES=1'] },
  { model: 'redrive', name: 'nothing lost, doubled unsaid or unsafe: crash and lease', with: ['CHOSEN=1', 'TROUBLES=0'], long: ['CHOSEN=1', 'CRASHES=2', 'LAPSES=1', 'TROUBLES=1'] },
  { model: 'redrive', name: 'the same: lease and trouble', with: ['CHOSEN=1', 'CRASHES=0'], long: ['CRASHES=0'] },
  { model: 'redrive', name: 'the same: crash and trouble', with: ['CHOSEN=1', 'LAPSES=0', 'TROUBLES=2'], long: ['LAPSES=0'] },
  { model: 'redrive', name: 'the same: two messages', with: ['CRASHES=0', 'TROUBLES=0'], long: ['TROUBLES=0'] },
  { model: 'redrive', name: 'nothing twice where a consumer is not idempotent', with: ['CHOSEN=1', 'NOT_IDEMPOTENT'], long: ['NOT_IDEMPOTENT'] },
  { model: 'redrive', name: 'every run ends', with: [...lives, 'CHOSEN=1', 'LAPSES=0'], long: [...lives, 'CHOSEN=1'] },
  { model: 'redrive', name: 'the same: somebody else hides messages', with: ['CHOSEN=1', 'OUTSIDER', 'LAPSES=0', 'TROUBLES=0'], long: ['OUTSIDER', 'LAPSES=0', 'TROUBLES=0'] },
  { model: 'redrive', name: 'the same: somebody else moves a message', with: ['CHOSEN=1', 'TAKER', 'LAPSES=0'], long: ['CHOSEN=1', 'TAKER'] },
  { model: 'outbox', name: 'the newest text is shown, and none after it', with: [...lives], long: [...lives, 'CRASHES=3', 'LOSSES=3'] },
  { model: 'outbox', name: 'order and duplicates of a card', with: [], long: ['CRASHES=3', 'LOSSES=3'] },
  { model: 'outbox', name: 'order and duplicates of pages', with: ['PAGES'], long: ['PAGES', 'CRASHES=3', 'LOSSES=3'] },
  { model: 'cancel', name: 'a stop that is done has stopped it, and nothing else', with: ['CRASHES=0'], long: ['CRASHES=1'] },
  { model: 'cancel', name: 'every run ends', with: [...lives, 'LAPSES=0'], long: [...lives, 'CRASHES=1', 'LAPSES=1'] },
];

// Each without one safeguard.
export const twins = [
  { model: 'effect', twin: 'LEASE_ONLY', by: /effects<=1/ },
  { model: 'effect', twin: 'TOKEN_AT_COMPLETION', by: /effects<=1/ },
  { model: 'effect', twin: 'INTENT_AFTER_SEND', by: /effects<=1/ },
  { model: 'effect', twin: 'INTENT_NOT_UNIQUE', with: ['ONLY_EFFECTS'], by: /effects<=1/ },
  { model: 'effect', twin: 'ASK_AWS_AND_RUN_AGAIN', with: ['ONLY_EFFECTS'], by: /effects<=1/ },
  { model: 'effect', twin: 'LOST_IS_REFUSED', by: /effects==0/ },
  { model: 'effect', twin: 'SENT_LATE', with: ['CRASHES=0', 'TROUBLES=0'], by: /told_not_done/ },
  { model: 'effect', twin: 'TOLD_EARLY', with: ['CRASHES=0', 'LAPSES=1', 'TROUBLES=0'], by: /intent!=/ },
  { model: 'effect', twin: 'UNREADABLE_IS_FAILURE', with: ['CRASHES=0', 'LAPSES=0'], by: /runs.*ours/ },
  { model: 'effect', twin: 'WATCHED_FOR_EVER', with: [...lives, 'STRANGER=1', 'LISTED=1', 'CRASHES=0', 'LAPSES=0', 'TROUBLES=0'], by: cycle },
  { model: 'effect', twin: 'TAKEN_FOR_OURS', with: ['STRANGER=1', 'CRASHES=0', 'TROUBLES=0'], by: /ours/ },
  { model: 'approvals', twin: 'NO_COMPARE_AND_SET', by: /decisions<=1/ },
  { model: 'approvals', twin: 'TIME_FORGOTTEN', by: /stamp/ },
  { model: 'approvals', twin: 'REQUESTER_COUNTS', by: /votes/ },
  { model: 'approvals', twin: 'SAME_PERSON_TWICE', with: ['NEEDED=2'], by: /votes/ },
  { model: 'approvals', twin: 'COUNTED_BEFORE', with: ['NEEDED=2'], by: /votes/ },
  { model: 'approvals', twin: 'FREEZE_READ_EARLY', with: ['EXECUTE', 'FREEZE=1', 'CRASHES=0', 'LAPSES=0'], by: /frozen/ },
  { model: 'approvals', twin: 'STOP_READ_EARLY', with: ['EXECUTE', 'CRASHES=0', 'LAPSES=0'], by: /stopped/ },
  { model: 'approvals', twin: 'TIME_READ_EARLY', with: ['EXECUTE', 'CRASHES=0', 'LAPSES=0'], by: /late/ },
  { model: 'approvals', twin: 'LEASE_UNREAD', with: ['EXECUTE', 'CRASHES=0'], by: /lapsed/ },
  { model: 'approvals', twin: 'FACTS_NOT_CONFIRMED', with: ['EXECUTE', 'CRASHES=0', 'LAPSES=0'], by: /drift_seen_late/ },
  { model: 'redrive', twin: 'DOUBT_FORGOTTEN', with: ['CHOSEN=1', 'LAPSES=0', 'TROUBLES=0'], by: /twice.*reported/ },
  { model: 'redrive', twin: 'DELETED_FIRST', with: ['CHOSEN=1'], by: /dead\|once/ },
  { model: 'redrive', twin: 'DELETED_BEFORE_RECORD', with: ['CHOSEN=1', 'LAPSES=0'], by: /dead\|by_hand/ },
  { model: 'redrive', twin: 'GONE_IS_SENT', with: ['CHOSEN=1', 'TAKER', 'LAPSES=0'], by: /told& ~\(once\)/ },
  { model: 'redrive', twin: 'INTENT_AFTER_SEND', with: ['CHOSEN=1', 'LAPSES=0', 'TROUBLES=0'], by: /twice.*reported/ },
  { model: 'redrive', twin: 'INTENT_WITHOUT_LEASE', with: ['CHOSEN=1', 'TROUBLES=0'], by: /twice.*reported|is_open|dead\|by_hand|doubts<=/ },
  { model: 'redrive', twin: 'UNCHOSEN_MOVE', with: ['CHOSEN=1'], by: /dead>>2/ },
  { model: 'redrive', twin: 'LOST_IS_REFUSED', with: ['CHOSEN=1', 'CRASHES=0', 'LAPSES=0'], by: /twice.*reported/ },
  { model: 'redrive', twin: 'RESENT_WITHOUT_ASKING', with: ['CHOSEN=1', 'NOT_IDEMPOTENT', 'LAPSES=0'], by: /twice==0/ },
  { model: 'redrive', twin: 'CONFLICT_IS_FAILURE', with: ['CHOSEN=1', 'CRASHES=0'], by: /troubles>0/ },
  { model: 'redrive', twin: 'DOUBT_IS_FAILURE', with: ['CHOSEN=1', 'LAPSES=0'], by: /doubts==0/ },
  { model: 'redrive', twin: 'HIDDEN_HAS_MOVED', with: ['CHOSEN=1', 'OUTSIDER', 'LAPSES=0', 'TROUBLES=0'], by: /told& ~\(once\)/ },
  { model: 'outbox', twin: 'ORDER_FORGOTTEN', with: ['PAGES'], by: />=newest/ },
  { model: 'outbox', twin: 'BEGIN_UNCHECKED', by: /==put/ },
  { model: 'outbox', twin: 'OLD_TEXT_WAITS_ON', by: /==put/ },
  { model: 'outbox', twin: 'MARKED_WHEN_SENT', by: /told_as/ },
  { model: 'outbox', twin: 'TWO_PROCESSES', by: />=newest|copies<=/ },
  { model: 'outbox', twin: 'NOT_RECOVERED', with: lives, by: cycle },
  { model: 'outbox', twin: 'SENT_BEFORE_SENDING', with: lives, by: cycle },
  { model: 'cancel', twin: 'UNHEARD_IS_DONE', with: ['CRASHES=0'], by: /running!=cancelled/ },
  { model: 'cancel', twin: 'ANY_TASK', with: ['CRASHES=0'], by: /task==cancelled/ },
  { model: 'cancel', twin: 'CONFLICT_IS_FAILURE', with: ['CRASHES=0'], by: /holder==me/ },
];

// Claims that the code does not keep, each with the trace that shows it, and what would make it hold. When one
// is mended in the code, its repair becomes the model's own text and the gap a twin.
export const gaps = [
  { model: 'redrive', gap: 'DELETED_IS_GONE', with: ['CHOSEN=1', 'CRASHES=0', 'TROUBLES=0'], by: /t_deleted&dead/ },
  { model: 'outbox', gap: 'LATE', by: />=newest/ },
];
