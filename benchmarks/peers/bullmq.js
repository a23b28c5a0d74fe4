'use strict';
// Node BullMQ 6. Speaks the protocol of serving.py. Its packages are those of tests/interop/node.

const path = require('node:path');
const readline = require('node:readline');
const { performance } = require('node:perf_hooks');

const home = path.join(__dirname, '../../tests/interop/node/node_modules');
const { Queue, Worker } = require(path.join(home, 'bullmq'));
const { version } = require(path.join(home, 'bullmq/package.json'));

const url = new URL(process.argv[2]);
const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
const TEXT = 'the quick brown fox jumps over the lazy dog, then does it all again for good measure';
const payload = number => ({ a: number, b: TEXT });
const queue = new Queue('bench', { connection });

const works = {
  async add(jobs) {
    for (let number = 0; number < jobs; number++) await queue.add('noop', payload(number));
  },

  async add_bulk(jobs) {
    const list = [];
    for (let number = 0; number < jobs; number++) list.push({ name: 'noop', data: payload(number) });
    await queue.addBulk(list);
  },

  async work(jobs) {
    let rest = jobs;
    let finish;
    const done = new Promise(resolve => { finish = resolve; });
    const worker = new Worker('bench', async job => {
      if (--rest === 0) finish();
      return job.data.a;
    }, { connection, concurrency: 50 });
    await done;
    await worker.close();
  },
};

function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function say(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

async function answer(line) {
  const { work, jobs } = JSON.parse(line);
  if (!works[work]) return say({ error: `BullMQ has no ${work}` });
  const spent = cpu();
  const began = performance.now();
  await works[work](jobs);
  say({ seconds: (performance.now() - began) / 1e3, cpu: cpu() - spent });
}

queue.waitUntilReady().then(() => {
  say({ peer: 'BullMQ 6', versions: { bullmq: version, node: process.version } });
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', answer);
  lines.on('close', () => process.exit(0));
});
