// keep.mjs - what is left of a failed run for whoever looks at it.
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MOST = 5;
const SHOWN = 6;

export class Keeper {
  // Of a twin nothing is kept: it is meant to fail.
  constructor(name, isTwin) {
    this.name = name;
    this.isTwin = isTwin;
    this.count = 0;
  }

  // Prints what was wrong and where the logs, the database and what the judge saw are kept.
  async keep(rig, label, problems, seen) {
    const more = problems.length > SHOWN ? ` and ${problems.length - SHOWN} more` : '';
    console.log(`${label}: ${problems.slice(0, SHOWN).join('; ')}${more}`);
    if (this.isTwin || ++this.count > MOST) return;
    this.dir ??= await mkdtemp(path.join(tmpdir(), `fluxabot-${this.name}-failed-`));
    const dir = path.join(this.dir, label.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 60));
    await mkdir(dir, { recursive: true });
    await writeFile(path.join(dir, 'seen.json'), JSON.stringify(seen ?? {}, null, 1));
    const files = ['fluxabot.db', 'fluxabot.db-wal', 'world/effects.jsonl', ...rig.stack.replicas.map((one) => `${one.name}.log`)];
    for (const file of files) await cp(path.join(rig.stack.dir, file), path.join(dir, path.basename(file))).catch(() => {});
    console.log(`kept: ${dir}`);
  }
}
