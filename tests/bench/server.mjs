// server.mjs - a PostgreSQL of a benchmark's own, as it is installed: with fsync on.
import { execFile, execFileSync } from 'node:child_process';
import { chmod, chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const isRoot = process.getuid() === 0;
export const programs = `/usr/lib/postgresql/${(await readdir('/usr/lib/postgresql')).sort((a, b) => a - b).at(-1)}/bin`;
// PostgreSQL refuses to run as root, so root gives it to the user its package made.
const asItsUser = (dir, program, args) => run(isRoot ? 'runuser' : path.join(programs, program), isRoot ? ['-u', 'postgres', '--', path.join(programs, program), ...args] : args, { cwd: dir });
const itsId = () => Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));

export function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  return new Promise((done) => server.on('listening', () => {
    const { port } = server.address();
    server.close(() => done(port));
  }));
}

export async function startServer() {
  const dir = await mkdtemp('/tmp/fluxabot-pg.'), port = await freePort();
  if (isRoot) await chown(dir, itsId(), -1);
  await chmod(dir, 0o700);
  await asItsUser(dir, 'initdb', ['-D', `${dir}/data`, '-A', 'trust', '-U', 'bench', '-E', 'UTF8']);
  await asItsUser(dir, 'pg_ctl', ['-D', `${dir}/data`, '-w', '-l', `${dir}/log`, 'start', '-o', `-p ${port} -k ${dir} -c listen_addresses=127.0.0.1`]);
  return { dir, url: `postgresql://bench@127.0.0.1:${port}/postgres`, port };
}

export async function stopServer(server) {
  await asItsUser(server.dir, 'pg_ctl', ['-D', `${server.dir}/data`, '-m', 'immediate', 'stop']);
  await rm(server.dir, { recursive: true, force: true });
}
