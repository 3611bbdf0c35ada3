// listeners.test.mjs - nothing that a stack starts can be reached from another machine.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { listeners, offLoopback, pidsOf, startReceiver, withStack } from './support.mjs';

test('every listening socket of the sandbox, the bot, the database and this test is on loopback', () =>
  withStack({}, async (stack) => {
    const receiver = await startReceiver(stack);
    try {
      const pids = pidsOf(stack);
      const sockets = listeners([...pids, process.pid]);
      assert.deepEqual(offLoopback(sockets), []);
      const ports = new Set(sockets.map(({ port }) => port));
      for (const address of [stack.page, stack.aws, stack.tls, stack.bot, stack.admin, stack.database, receiver.url])
        assert.ok(ports.has(Number(new URL(address).port)), `${address} was not among the sockets looked at`);
      for (const pid of [...pids, process.pid]) assert.ok(sockets.some((socket) => socket.pid === pid), `nothing of process ${pid} was seen`);
    } finally {
      await receiver.stop();
    }
  }));

test('a socket on another address would be noticed', async () => {
  const stray = net.createServer();
  await new Promise((done) => stray.listen(0, '127.0.0.2', done)); // nobody else's, yet not the two allowed ones
  try {
    assert.deepEqual(offLoopback(listeners([process.pid])).map(({ address }) => address), ['127.0.0.2']);
  } finally {
    await new Promise((done) => stray.close(done));
  }
});
