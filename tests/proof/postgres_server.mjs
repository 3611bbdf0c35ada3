// postgres_server.mjs - a PostgreSQL of its own, and the ways in which a server goes away.
import { execFile } from 'node:child_process';
import { chown, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

// PostgreSQL refuses to run as root, so root gives it to the user its package made.
async function asPostgres(dir, program, args) {
  if (process.getuid() !== 0) return run(program, args, { cwd: dir });
  return run('runuser', ['-u', 'postgres', '--', program, ...args], { cwd: dir });
}

export class PostgresServer {
  static async make() {
    const server = new PostgresServer();
    server.dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-pg-'));
    if (process.getuid() === 0) {
      const { stdout } = await run('id', ['-u', 'postgres']);
      await chown(server.dir, Number(stdout), -1);
    }
    const versions = await readdir('/usr/lib/postgresql');
    server.bin = `/usr/lib/postgresql/${versions.sort((a, b) => Number(a) - Number(b)).at(-1)}/bin`;
    server.port = await freePort();
    await asPostgres(server.dir, `${server.bin}/initdb`, ['-D', `${server.dir}/data`, '-A', 'trust', '-U', 'fluxa', '--no-sync', '-E', 'UTF8']);
    await server.start();
    return server;
  }

  get url() {
    return `postgresql://fluxa@127.0.0.1:${this.port}/postgres`;
  }

  pgCtl(...args) {
    return asPostgres(this.dir, `${this.bin}/pg_ctl`, ['-D', `${this.dir}/data`, '-w', '-l', `${this.dir}/log`, ...args]);
  }

  // Nothing is written to the log on disk that no commit waits for: who does not wait is found out.
  start() {
    return this.pgCtl('-o', `-p ${this.port} -k ${this.dir} -c listen_addresses=127.0.0.1 -c wal_writer_delay=10s`, 'start');
  }

  // As if the machine had lost it: what is not in the log on disk is gone.
  async crash() {
    await this.pgCtl('-m', 'immediate', 'stop').catch(() => {}); // it may have given up by itself
    await this.start();
  }

  // One of the server's own processes, as the memory killer would: all of them begin again. Who loses the one that
  // repairs gives up, and is started again like any service. False: there was nobody to kill.
  async killChild(pick) {
    const children = await this.children();
    if (children === undefined) await this.start();
    return children?.length > 0 && process.kill(pick(children), 'SIGKILL');
  }

  // undefined: it does not run.
  async children() {
    try {
      const postmaster = Number((await readFile(`${this.dir}/data/postmaster.pid`, 'utf8')).split('\n')[0]);
      return (await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')).trim().split(' ').map(Number).filter(Boolean);
    } catch {
      return undefined;
    }
  }

  // It is not left lying there when the last blow was too hard.
  async revive() {
    if ((await this.children()) === undefined) await this.start();
  }

  async stop() {
    await this.pgCtl('-m', 'immediate', 'stop').catch(() => {});
    await rm(this.dir, { recursive: true, force: true });
  }
}
