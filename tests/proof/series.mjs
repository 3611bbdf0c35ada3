// series.mjs - many redrives on one stack, each judged.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Stack, build } from '../support/stack.mjs';
import { judge } from './judge.mjs';
import { planRun, planText, runOnce } from './run.mjs';

const AWS_DELAY_MS = 10; // so that there is time to die between a send and its delete
const SHOWN = 6;

// A dead process hides what it held for this long; three seconds instead of five keep the series short.
async function hideForThreeSeconds(stack) {
  const text = await readFile(stack.config, 'utf8');
  await writeFile(stack.config, text.replace(/dlq_visibility: \d+/, 'dlq_visibility: 3'));
}

async function one(stack, plan, program) {
  try {
    const { seen, tookMs } = await runOnce(stack, plan, program);
    return { tookMs, ...judge(seen) };
  } catch (failure) {
    return { tookMs: 0, duplicates: 0, claimed: 0, problems: [failure.message] };
  }
}

function tell(plan, result) {
  const more = result.problems.length > SHOWN ? ` and ${result.problems.length - SHOWN} more` : '';
  console.log(`run ${plan.number} (${planText(plan)}): ${result.problems.slice(0, SHOWN).join('; ')}${more}`);
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

function summary(results, beganMs) {
  const took = results.map((result) => result.tookMs).sort((a, b) => a - b);
  const sum = (name) => results.reduce((total, result) => total + (result[name] ?? 0), 0);
  const warned = results.filter((result) => result.claimed > 0).length;
  console.log(`approval to card: p50 ${quantile(took, 0.5)} ms, p95 ${quantile(took, 0.95)} ms, longest ${took.at(-1)} ms`);
  console.log(`${sum('doubted')} batches were left in doubt; ${sum('duplicates')} messages were sent twice in all; ${warned} cards say that some may have been`);
  console.log(`${results.length} runs in ${((Date.now() - beganMs) / 1000).toFixed(0)} s`);
}

// Runs `count` redrives, or fewer when one is `enough`; prints a line for each that failed.
export async function series({ count, seed, killShare, keep, from = 0, program = path.join(build, 'fluxabot'), enough = () => false, verbose }) {
  const beganMs = Date.now();
  const results = [];
  const stack = await Stack.start({ awsDelayMs: AWS_DELAY_MS, bot: false, edit: hideForThreeSeconds });
  try {
    await stack.startBot({ program });
    for (let number = from; number < from + count; number++) {
      const plan = planRun(seed, number, killShare);
      const result = await one(stack, plan, program);
      results.push(result);
      if (result.problems.length > 0) tell(plan, result);
      else if (verbose) console.log(`run ${number} (${planText(plan)}): good, ${result.tookMs} ms, ${result.duplicates} sent twice, ${result.claimed} said`);
      if (enough(result)) break;
      if (!stack.process || stack.process.exitCode !== null) await stack.startBot({ program });
    }
  } finally {
    if (keep) {
      await stack.killBot('SIGTERM');
      console.log(`kept: ${stack.dir} (its processes run; stop them with deploy/sandbox/down --dir ${stack.dir})`);
    } else {
      await stack.stop();
    }
  }
  summary(results, beganMs);
  return results;
}
