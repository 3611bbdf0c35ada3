// types.mjs - has the TypeScript compiler check messages as literals of Slack's official types.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = join(dirname(fileURLToPath(import.meta.url)), '../node_modules');

const prelude = `import type { KnownBlock, ModalView } from '@slack/types';
type Message = {
  text: string; blocks?: KnownBlock[]; channel?: string; ts?: string; thread_ts?: string;
  unfurl_links?: boolean; unfurl_media?: boolean; parse?: 'none'; link_names?: boolean;
  response_type?: 'ephemeral' | 'in_channel'; replace_original?: boolean; user?: string;
};
type View = Omit<ModalView, 'blocks'> & { blocks: KnownBlock[] };
`;

// A literal of its own for each message, so that unknown members are errors too.
function source(message) {
  const type = message.type === 'modal' ? 'View' : 'Message';
  return `${prelude}export const it: ${type} = ${JSON.stringify(message, null, 1)};\n`;
}

// messages: [{ name, message }]; answers a map from name to the compiler's complaints
export function typeCheck(messages) {
  const folder = mkdtempSync(join(tmpdir(), 'slack-types-'));
  const complaints = new Map(messages.map(({ name }) => [name, []]));
  try {
    symlinkSync(modules, join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const files = messages.map(({ message }, i) => {
      writeFileSync(join(folder, `m${i}.ts`), source(message));
      return `m${i}.ts`;
    });
    let printed = '';
    try {
      execFileSync(process.execPath, [join(modules, 'typescript/bin/tsc'), '--noEmit', '--strict', '--pretty', 'false',
        '--module', 'nodenext', '--moduleResolution', 'nodenext', '--skipLibCheck', ...files],
      { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
    } catch (error) {
      printed = `${error.stdout ?? ''}${error.stderr ?? ''}`;
      if (!/^m\d+\.ts\(/m.test(printed)) throw new Error(`the compiler did not run: ${printed}`);
    }
    for (const [, index, line, what] of printed.matchAll(/^m(\d+)\.ts\((\d+),\d+\): (.*)$/gm))
      complaints.get(messages[index].name).push(`line ${line}: ${what}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return complaints;
}
