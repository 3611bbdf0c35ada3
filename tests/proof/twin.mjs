// twin.mjs - a bot without one of its safeguards, to see that a proof can fail.
//
// A twin is a patch of fault-twins/. Only the files it names are compiled again, with the words the build itself uses,
// and linked before the libraries, so that they are taken instead. Nothing in the product knows of this.
import { execFile } from 'node:child_process';
import { access, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build, root } from '../support/stack.mjs';

const execute = promisify(execFile);
const roomy = { maxBuffer: 64 << 20 };

const sh = (command, cwd) => execute('sh', ['-c', command], { cwd, ...roomy });

async function commands() {
  const { stdout } = await execute('ninja', ['-C', build, '-t', 'commands', 'fluxabot'], roomy);
  return stdout.split('\n');
}

// What compiles one file of the tree, with its object and its headers moved into the copy.
function compile(lines, tree, file) {
  const source = path.join(root, file), line = lines.find((one) => one.endsWith(`-c ${source}`));
  if (!line) throw new Error(`the build in ${build} does not compile ${file}`);
  const object = path.join(tree, `${file.replaceAll('/', '_')}.o`);
  const moved = line.replaceAll(`-I${root}/`, `-I${tree}/`).replace(/ -MD -MT \S+ -MF \S+/, '').replace(/ -o \S+/, ` -o ${object}`).replace(/ -Werror\b/, '').replace(`-c ${source}`, `-c ${path.join(tree, file)}`);
  return { object, command: moved };
}

// A number of the product, changed: { header, name, value }. Whoever names it is compiled again.
async function setNumber(tree, { header, name, value }) {
  const file = path.join(tree, header), text = await readFile(file, 'utf8'), pattern = new RegExp(`^( *${name} = )[^,]+,`, 'm');
  if (!pattern.test(text)) throw new Error(`${header} does not define ${name}`);
  await writeFile(file, text.replace(pattern, `$1${value},`));
  const { stdout } = await execute('grep', ['-rl', '--include=*.c', `\\b${name}\\b`, 'src'], { cwd: tree });
  return stdout.trim().split('\n');
}

// patches: files with "+++ b/FILE" lines.
async function buildTwin(tree, name, patches, numbers) {
  for (const part of ['include', 'src']) await cp(path.join(root, part), path.join(tree, part), { recursive: true, preserveTimestamps: true });
  const files = new Set();
  for (const number of numbers) for (const file of await setNumber(tree, number)) files.add(file);
  for (const patch of patches) {
    for (const [, file] of (await readFile(patch, 'utf8')).matchAll(/^\+\+\+ b\/(.+)$/gm)) if (file.endsWith('.c')) files.add(file);
    await execute('patch', ['-d', tree, '-p1', '--fuzz=3', '--no-backup-if-mismatch', '-i', patch]);
  }
  const lines = await commands(), link = lines.findLast((line) => / -o fluxabot /.test(line));
  const objects = [];
  for (const file of files) {
    const { object, command } = compile(lines, tree, file);
    await sh(command, build);
    objects.push(object);
  }
  const program = path.join(tree, name);
  await sh(link.replace(/ -o fluxabot /, ` ${objects.join(' ')} -o ${program} `), build);
  return program;
}

async function patchOf(name) {
  const folders = ['proof/fault-twins', 'proof/twins', 'bench/twins'].map((folder) => path.join(root, 'tests', folder, `${name}.patch`));
  for (const file of folders) if (await access(file).then(() => true, () => false)) return file;
  throw new Error(`there is no twin ${name}: ${folders.join(', ')}`);
}

// Hands the program to `use`, with the patches of these names and these numbers, and removes it afterwards.
export async function withTwin(names, use, numbers = []) {
  const tree = await mkdtemp(path.join(tmpdir(), 'fluxabot-twin-'));
  try {
    return await use(await buildTwin(tree, 'fluxabot-twin', await Promise.all([names].flat().map(patchOf)), numbers));
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

// `run` gets a function that says of a result whether it is enough; a twin passes when it was caught.
export async function isCaught(name, reason, run) {
  const caught = (result) => result.problems.some((problem) => reason.test(problem));
  console.log(`${name}: a run should fail`);
  const results = await run(caught), found = results.some(caught);
  console.log(found ? `${name}: caught in run ${results.findIndex(caught) + 1}` : `${name}: NOT caught in ${results.length} runs`);
  return { passed: found ? 1 : 0, failed: found ? 0 : 1 };
}
