'use strict';
// bull-board as it comes from the registry, over queues of one version of BullMQ, driven like
// peer.js over JSON lines on stdin and stdout.
//
//   node board.js <bullmq|bullmq5> <port or redis:// URL>
//
// Request:  {"id": 1, "op": "serve", "queues": ["emails", ...], "prefix": "bull"}
// Reply:    {"id": 1, "ok": port}        from now on the board there shows these queues and no others
// Request:  {"id": 2, "op": "routes"}
// Reply:    {"id": 2, "ok": [["GET", "/api/queues"], ...]}    the routes of its API
// Unasked:  {"event": "ready"}           once, with the version of BullMQ
//           {"event": "unhandled", error}
//
// The process ends when stdin does.

const Module = require('node:module');
const readline = require('node:readline');

const { connectionOf } = require('./connection');

const [packageName, address] = process.argv.slice(2);

// bull-board asks for 'bullmq'; it gets the version under test.
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) =>
  resolve.call(Module, request === 'bullmq' ? packageName : request, ...rest);

const { createBullBoard } = require('@bull-board/api');
const { BullMQAdapter } = require('@bull-board/api/bullMQAdapter');
const { HonoAdapter } = require('@bull-board/hono');
const { serve } = require('@hono/node-server');
const { serveStatic } = require('@hono/node-server/serve-static');
const { Queue } = require('bullmq');

// stdout carries the protocol alone; what a library prints goes to stderr.
console.log = console.info = console.error;

function send(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

function describe(error) {
  const { message = String(error), code = null, name = null, stack = null } = error || {};
  return { message, code, name, stack };
}

const connection = connectionOf(address);
const serverAdapter = new HonoAdapter(serveStatic);
const board = createBullBoard({
  queues: [],
  serverAdapter,
  // Every answer is held against bull-board's own description of it.
  options: { validateResponses: true },
});
const app = serverAdapter.registerPlugin();
let shown = [];
let port = 0;

function queueOf(name, prefix) {
  // Without skipMetasUpdate the constructor would write; what is shown shall come from Python.
  const queue = new Queue(name, { connection, prefix, skipMetasUpdate: true });
  queue.on('error', (error) => send({ event: 'unhandled', error: describe(error) }));
  return queue;
}

const ops = {
  async serve({ queues, prefix = 'bull' }) {
    const before = shown;
    shown = queues.map((name) => queueOf(name, prefix));
    await Promise.all(shown.map((queue) => queue.waitUntilReady()));
    board.replaceQueues(shown.map((queue) => new BullMQAdapter(queue)));
    await Promise.all(before.map((queue) => queue.close()));
    return port;
  },
  routes: () => app.routes.map(({ method, path }) => [method, path]).filter(([, path]) => path.startsWith('/api/')),
};

async function answer(line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    id = request.id;
    if (!Object.hasOwn(ops, request.op)) throw new Error(`no op ${request.op}`);
    send({ id, ok: await ops[request.op](request) });
  } catch (error) {
    send({ id, error: describe(error) });
  }
}

process.on('uncaughtException', (error) => send({ event: 'unhandled', error: describe(error) }));
process.on('unhandledRejection', (error) => send({ event: 'unhandled', error: describe(error) }));
process.stdout.on('error', () => process.exit(1));

serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => {
  port = address.port;
  readline
    .createInterface({ input: process.stdin })
    .on('line', answer)
    .on('close', () => process.exit(0));
  send({ event: 'ready', version: require(`${packageName}/package.json`).version });
});
