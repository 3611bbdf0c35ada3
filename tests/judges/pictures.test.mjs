// pictures.test.mjs - a picture that the bot sent, read by Chromium: it is whole, has its size, and shows line, threshold
// and moment in their colours; on the sandbox's page it stands in the thread, light and dark, with its words.
// The page is kept under tests/artefacts/screens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { Views } from '../support/browser.mjs';
import { answerTo, atRest, freshWorld, postgres } from '../support/cases.mjs';
import { findBarriers, findOverflow } from '../support/accessible.mjs';

const BLUE = [10, 105, 217], RED = [207, 33, 46], AMBER = [191, 135, 0];
const SOON = { timeout: 120000 };
let stack, views, ofAlarm;

before(async () => {
  stack = await Stack.start();
  views = await Views.open(stack.page);
});
after(async () => {
  await views?.close();
  await stack?.stop();
});

// How many pixels of the picture are about of each colour, as the browser decodes it.
async function decode(file, ...colors) {
  return views.desktop.evaluate(async ([id, wanted]) => {
    const picture = await createImageBitmap(await (await fetch(`/slack/files/${id}`)).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height), context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, picture.width, picture.height);
    const counts = wanted.map(() => 0);
    for (let i = 0; i < data.length; i += 4) wanted.forEach((color, n) => { counts[n] += color.every((part, j) => Math.abs(part - data[i + j]) <= 12) ? 1 : 0; });
    return { width: picture.width, height: picture.height, opaque: data[3] === 255, corner: [...data.slice(0, 3)], counts };
  }, [file.id, colors]);
}

async function fileBelow(card) {
  await atRest(stack);
  const [file] = ((await stack.message(card.ts)).replies ?? []).flatMap((reply) => reply.files ?? []);
  assert.ok(file, `no file below ${card.text}`);
  return file;
}

test('the picture of an alarm: its metric, its threshold, and when it began', async () => {
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  const card = await stack.until(() => stack.card(/fluxa-dlq-depth-dev/), 'the card');
  ofAlarm = await fileBelow(card);
  const { width, height, opaque, corner, counts } = await decode(ofAlarm, BLUE, RED, AMBER);
  assert.deepEqual([width, height, opaque, corner], [800, 360, true, [255, 255, 255]]);
  counts.forEach((count, i) => assert.ok(count > 100, `${['line', 'threshold', 'moment'][i]}: ${count} pixels`));
});

test('the picture of a command, without a moment', async () => {
  await freshWorld(stack, {}, { metrics: [{ namespace: 'AWS/Lambda', name: 'Errors', dimensions: { FunctionName: 'fluxa-processor' }, values: Array.from({ length: 120 }, (_, i) => 1 + (i % 7)) }] });
  const file = await fileBelow(await answerTo(stack, '/fluxa metrics'));
  const { counts } = await decode(file, BLUE, RED, AMBER);
  assert.ok(counts[0] > 400 && counts[1] > 200, `${counts}`);
  assert.equal(counts[2], 0);
  const [shownLate] = (await decode(ofAlarm, AMBER)).counts;
  assert.ok(shownLate > 100, 'a page that is late draws the old world with its picture');
  assert.notEqual(file.id, ofAlarm.id);
});

test('the page shows picture and table in the thread, to everybody', async () => {
  await postgres(stack, "TRUNCATE idempotency_keys; INSERT INTO idempotency_keys SELECT 'evt-' || n, 'failed', n, 'Timeout', now() - n * interval '1 min' FROM generate_series(1, 20) n");
  const card = await answerTo(stack, '/fluxa failed');
  await fileBelow(card);
  const wrong = [];
  for (const [name, selector] of [['picture', '.reply figure.shared img'], ['table', '.reply a.file']]) {
    await views.each(async (page, view) => {
      const shown = page.locator(selector).last();
      await shown.waitFor({ state: 'attached', ...SOON });
      await shown.evaluate((element) => element.scrollIntoView({ block: 'nearest' })); // at once: a card may be drawn anew at any moment
      if (name === 'picture') {
        await page.waitForFunction((img) => img.complete && img.naturalWidth === 800, await shown.elementHandle(), SOON);
        assert.match(await shown.getAttribute('alt'), /^Errors of the processor, .* UTC: last /);
      } else assert.match(await shown.innerText(), /The newest 20 failed events\s+failed-events-[0-9a-z]+\.csv, [\d.]+ (bytes|KB)/);
      wrong.push(...(await findBarriers(page)).map((one) => `${view} ${name}: ${one}`));
      if (page.viewportSize().width < 400) wrong.push(...(await findOverflow(page)).map((one) => `${view} ${name}: ${one}`));
    });
    await views.shoot(`files-${name}`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(views.problems, []);
});
