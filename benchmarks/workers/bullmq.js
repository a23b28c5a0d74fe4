'use strict';
// Node BullMQ, 6 or 5. Speaks the protocol of roles.py: node bullmq.js <package> <role>.

const dgram = require('node:dgram');
const fs = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');

const [, , name, role] = process.argv;
const home = path.join(__dirname, '../../tests/interop/node/node_modules', name);
const { FlowProducer, Queue, QueueEvents, Worker } = require(home);
const { version } = require(path.join(home, 'package.json'));

const BENCH = JSON.parse(process.env.BENCH);
const url = new URL(BENCH.url);
const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
const TEXT = 'the quick brown fox jumps over the lazy dog, then does it all again for good measure';
const payload = number => ({ a: number, b: TEXT });
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const now = () => (performance.timeOrigin + performance.now()) / 1e3;
const between = (low, high) => low + Math.random() * (high - low);
const file = part => path.join(BENCH.folder, part);

const roles = {
  async hello() {
    const settings = {};
    for (const each of [10, 50, 100, 500]) settings[`concurrency ${each}`] = { concurrency: each };
    const drained = [['LLEN', 'wait'], ['LLEN', 'active'], ['ZCARD', 'prioritized'], ['ZCARD', 'delayed']];
    return {
      title: name === 'bullmq5' ? 'Node BullMQ 5' : 'Node BullMQ 6',
      settings,
      drained: drained.map(([command, state]) => [command, `bull:bench:${state}`]),
      jobs: 60000,
      lead: 4,
      versions: { [name]: version, node: process.version },
    };
  },

  async add() {
    const queue = new Queue('bench', { connection });
    const { priorities, delay } = BENCH.options || {};
    for (let start = 0; start < BENCH.jobs; start += 1000) {
      const list = [];
      for (let number = start; number < Math.min(BENCH.jobs, start + 1000); number++) {
        const opts = {};
        if (priorities) opts.priority = 1 + (number % priorities);
        if (delay) opts.delay = delay;
        list.push({ name: BENCH.task || 'noop', data: payload(number), opts });
      }
      await queue.addBulk(list);
    }
    return { jobs: BENCH.jobs };
  },

  async latency() {
    const queue = new Queue('bench', { connection });
    const stamps = dgram.createSocket('udp4');
    await new Promise(resolve => stamps.bind(0, '127.0.0.1', resolve));
    fs.writeFileSync(file('stamps'), String(stamps.address().port));
    const ms = [];
    for (let number = 0; number < BENCH.jobs; number++) {
      const told = new Promise(resolve => stamps.once('message', resolve));
      await queue.add('stamp', { t0: now() });
      ms.push(Number(await told));
      await sleep(between(3, 12));
    }
    return { ms };
  },

  async roundtrip() {
    const queue = new Queue('bench', { connection });
    const events = new QueueEvents('bench', { connection });
    await events.waitUntilReady();
    await sleep(300);
    const ms = [];
    for (let number = 0; number < BENCH.jobs; number++) {
      const began = performance.now();
      const job = await queue.add('noop', payload(number));
      await job.waitUntilFinished(events, 10000);
      ms.push(performance.now() - began);
      await sleep(between(1, 5));
    }
    return { ms };
  },

  async canvas() {
    const queue = new Queue('bench', { connection });
    const flows = new FlowProducer({ connection });
    const events = new QueueEvents('bench', { connection, lastEventId: '0-0' });
    events.setMaxListeners(0);
    await events.waitUntilReady();
    const step = children => ({ name: 'step', queueName: 'bench', data: {}, children });
    const shapes = {
      async chord(size) {
        return [(await flows.add(step(Array.from({ length: size }, () => step())))).job];
      },
      async chain(size) {
        let tree = step();
        for (let number = 1; number < size; number++) tree = step([tree]);
        return [(await flows.add(tree)).job];
      },
      async group(size) {
        return queue.addBulk(Array.from({ length: size }, () => ({ name: 'step', data: {} })));
      },
    };
    const run = async size => {
      const began = performance.now();
      const jobs = await shapes[BENCH.shape](size);
      const sent = performance.now() - began;
      await Promise.all(jobs.map(job => job.waitUntilFinished(events, 120000)));
      return { seconds: (performance.now() - began) / 1e3, sent: sent / 1e3 };
    };
    await run(3);
    return run(BENCH.size);
  },

  async delayed() {
    const queue = new Queue('bench', { connection });
    const first = now() + BENCH.lead;
    const dues = [];
    for (let number = 0; number < BENCH.jobs; number++) dues.push(first + Math.random() * BENCH.window);
    dues.sort((a, b) => a - b);
    for (let start = 0; start < dues.length; start += 500) {
      const t0 = now();
      await queue.addBulk(dues.slice(start, start + 500).map(due => ({
        name: 'late', data: { due }, opts: { delay: Math.max(1, Math.round((due - t0) * 1000)) },
      })));
    }
    return { jobs: dues.length, ahead: first - now(), last: dues[dues.length - 1] };
  },
};

let marked = false;
let late;
let pipe;

function mark() {
  marked = true;
  try {
    fs.writeFileSync(file('first'), String(now()), { flag: 'wx' });
  } catch { /* another process was first */ }
}

const handlers = {
  noop({ a }) {
    if (!marked) mark();
    return a;
  },

  async nap({ a }) {
    if (!marked) mark();
    await sleep(10);
    return a;
  },

  step() {
    return 0;
  },

  stamp({ t0 }) {
    const found = (now() - t0) * 1e3;
    pipe ??= { socket: dgram.createSocket('udp4'), port: Number(fs.readFileSync(file('stamps'))) };
    pipe.socket.send(found.toFixed(4), pipe.port, '127.0.0.1');
  },

  late({ due }) {
    const found = (now() - due) * 1e3;
    late ??= fs.openSync(file(`late.${process.pid}`), 'a');
    fs.writeSync(late, found.toFixed(3) + '\n');
  },
};

async function work() {
  const worker = new Worker('bench', async job => handlers[job.name](job.data), { connection, ...BENCH.setting });
  worker.on('error', error => console.error(error));
  process.on('SIGTERM', () => process.exit(0));
}

if (role === 'worker') {
  work();
} else {
  roles[role]().then(answer => {
    process.stdout.write(JSON.stringify(answer) + '\n', () => process.exit(0));
  });
}
