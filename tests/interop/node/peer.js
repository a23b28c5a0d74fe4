'use strict';
// One real Node process that speaks BullMQ, driven over JSON lines on stdin and stdout.
//
//   node peer.js <bullmq|bullmq5> <port or redis:// URL, or redis+cluster://host:port,...>
//
// Request:     {"id": 1, "op": "add", "queue": "emails", "name": "send", "data": {...}, "opts": {}}
// Reply:       {"id": 1, "ok": ...}  or  {"id": 1, "error": {"message", "code", "name"}}
// Unasked for: {"event": "ready"}                                once, with the version
//              {"event": "started", queue, worker, jobId}        a job begins to hang
//              {"event": "worker.<name>", queue, worker, ...}    what a Worker emits
//              {"event": "queue.<name>", queue, args, eventId}   what QueueEvents emits
//              {"event": "unhandled", error}                     nothing fails silently
//
// Every op takes "queue" and may take "prefix". The process ends when stdin does, so it never
// outlives whoever started it.

const { EventEmitter } = require('node:events');
const readline = require('node:readline');

const { connectionOf } = require('./connection');

const [packageName, address] = process.argv.slice(2);
const {
  DelayedError, FlowProducer, Job, Queue, QueueEvents, QueueEventsProducer, RateLimitError,
  UnrecoverableError, WaitingChildrenError, WaitingError, Worker,
} = require(packageName);
const connection = connectionOf(address);

const queues = new Map();
const readers = new Map();
const workers = new Map();
let lastWorker = 0;

// stdout carries the protocol alone; what a library prints goes to stderr.
console.log = console.info = console.error;

function send(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

function describe(error) {
  const { message = String(error), code = null, name = null, stack = null } = error || {};
  return { message, code, name, stack };
}

// Jobs become plain objects wherever they are in a result.
function plain(value) {
  if (value instanceof Job) return viewOf(value);
  if (Array.isArray(value)) return value.map(plain);
  return value === undefined ? null : value;
}

function viewOf(job) {
  const { id, queueName, name, data, opts, progress, delay, priority } = job;
  const { attemptsMade, attemptsStarted, stalledCounter, deferredFailure } = job;
  const { failedReason, stacktrace, returnvalue, timestamp, processedOn, finishedOn } = job;
  const { processedBy, parentKey, parent, deduplicationId } = job;
  const view = {
    id, queueName, name, data, opts, progress, delay, priority, attemptsMade, attemptsStarted,
    stalledCounter, deferredFailure, failedReason, stacktrace, returnvalue, timestamp,
    processedOn, finishedOn, processedBy, parentKey, parent, deduplicationId,
  };
  return Object.fromEntries(Object.entries(view).map(([key, each]) => [key, each ?? null]));
}

function cached(map, { queue, prefix = 'bull' }, make) {
  const key = `${prefix}:${queue}`;
  if (!map.has(key)) map.set(key, make(queue, { connection, prefix }));
  return map.get(key);
}

function queueOf(request) {
  return cached(queues, request, (name, options) => {
    const queue = new Queue(name, options);
    queue.on('error', (error) => send({ event: 'queue.error', queue: name, error: describe(error) }));
    return queue;
  });
}

const flowProducer = new FlowProducer({ connection });

// A tree of jobs; what `getFlow` gives for children that are gone is left out.
function viewOfTree(node) {
  if (!node) return null;
  const children = (node.children ?? []).filter((child) => child?.job).map(viewOfTree);
  return { job: viewOf(node.job), children };
}

function readerOf(request) {
  return cached(readers, request, (name, options) => {
    // From the start of the stream: with the default, "from now on", what happens between the
    // reply to this op and the first XREAD would be missed.
    const reader = new QueueEvents(name, { lastEventId: '0-0', ...options });
    reader.on('error', (error) => send({ event: 'queue.error', queue: name, error: describe(error) }));
    return reader;
  });
}

async function jobOf(request) {
  const job = await queueOf(request).getJob(request.jobId);
  if (!job) throw new Error(`no job ${request.jobId} in ${request.queue}`);
  return job;
}

async function onJob(request, method, ...args) {
  return (await jobOf(request))[method](...args);
}

// -- what a worker does with a job --------------------------------------------------------------

const handlers = {
  echo: (job) => job.data,
  sum: (job) => job.data.args.reduce((total, each) => total + each, 0),
  fail: (job) => {
    if (job.attemptsMade < job.data.failures) throw new Error(job.data.message);
    return job.data.result ?? 'recovered';
  },
  unrecoverable: (job) => {
    throw new UnrecoverableError(job.data.message);
  },
  progress: async (job) => {
    await job.updateProgress(50);
    await job.updateProgress({ percent: 100 });
    return 'done';
  },
  log: async (job) => {
    for (const line of job.data.lines ?? ['first', 'second']) await job.log(line);
    return 'logged';
  },
  // A member of a flow: its log shows that it ran.
  family: async (job) => {
    await job.log('ran');
    if (job.data.fails) throw new Error(job.data.fails);
    return { own: job.data.own ?? null, values: await job.getChildrenValues() };
  },
  // Adds a child in another queue and waits for it; its second run returns what came of that.
  spawn: async (job, entry, token) => {
    const values = await job.getChildrenValues();
    if (Object.keys(values).length) return values;
    const parent = { id: job.id, queue: job.queueQualifiedName };
    await queueOf({ queue: job.data.queue }).add('spawned', job.data.data, { parent });
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
    return job.getChildrenValues();
  },
  // Takes its time.
  rest: (job) => new Promise((resolve) => setTimeout(resolve, job.data.ms, job.data)),
  // Moves its job as `data.moves` says, one move a run, noting in the data who did it.
  move: async (job, entry, token) => {
    const [move, ...moves] = job.data.moves;
    if (!move) return job.data.by;
    await job.updateData({ ...job.data, moves, by: [...job.data.by, 'node'] });
    if (move === 'delay') {
      await job.moveToDelayed(Date.now() + job.data.ms, token);
      throw new DelayedError();
    }
    if (move === 'wait') {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    await queueOf({ queue: job.queueName }).rateLimit(job.data.ms);
    throw new RateLimitError();
  },
  // Until the op `release`, or for ever.
  hang: (job, entry) => {
    const held = new Promise((resolve) => entry.held.push(resolve));
    send({ event: 'started', queue: job.queueName, worker: entry.id, jobId: job.id });
    return held;
  },
};

const workerEvents = {
  active: (job) => ({ job: viewOf(job) }),
  completed: (job, result) => ({ job: viewOf(job), result }),
  failed: (job, error) => ({ job: job ? viewOf(job) : null, error: describe(error) }),
  progress: (job, progress) => ({ job: viewOf(job), progress }),
  stalled: (jobId) => ({ jobId }),
  drained: () => ({}),
  paused: () => ({}),
  resumed: () => ({}),
  error: (error) => ({ error: describe(error) }),
};

async function startWorker({ queue, handler, prefix = 'bull', concurrency = 1, options = {} }) {
  const work = handlers[handler];
  if (!work) throw new Error(`no handler ${handler}; there are ${Object.keys(handlers)}`);
  const entry = { id: `w${++lastWorker}`, queue, held: [] };
  const settings = { ...options, connection, prefix, concurrency };
  entry.worker = new Worker(queue, async (job, token) => work(job, entry, token), settings);
  for (const [name, detail] of Object.entries(workerEvents)) {
    entry.worker.on(name, (...args) =>
      send({ event: `worker.${name}`, queue, worker: entry.id, ...detail(...args) }),
    );
  }
  workers.set(entry.id, entry);
  await entry.worker.waitUntilReady();
  return entry.id;
}

function workerOf({ worker }) {
  const entry = workers.get(worker);
  if (!entry) throw new Error(`no worker ${worker}`);
  return entry;
}

async function stopWorker(request) {
  const entry = workerOf(request);
  workers.delete(entry.id);
  await entry.worker.close(Boolean(request.force));
}

function release(request) {
  const entry = workerOf(request);
  const held = entry.held.splice(0);
  for (const resolve of held) resolve(request.value ?? null);
  return held.length;
}

// -- events --------------------------------------------------------------------------------------

async function startEvents(request) {
  const reader = readerOf(request);
  await reader.waitUntilReady();
  if (reader.forwards) return;
  reader.forwards = true;
  const emit = reader.emit.bind(reader);
  // Whatever the stream holds, known to this version or not. `completed:<id>` is the same entry
  // again, for waitUntilFinished.
  reader.emit = (name, ...args) => {
    const [detail, eventId] = typeof args[0] === 'object' ? args : [{}, args[0]];
    if (!String(name).endsWith(`:${detail?.jobId}`)) {
      send({ event: `queue.${name}`, queue: request.queue, args: plain(detail), eventId });
    }
    return emit(name, ...args);
  };
}

async function waitUntilFinished(request) {
  const reader = readerOf(request);
  await reader.waitUntilReady();
  return onJob(request, 'waitUntilFinished', reader, request.ttl);
}

// Takes a job without a worker that runs; the op `stopWorker` gives its connections back.
async function takeJob({ queue, token, prefix = 'bull', options = {} }) {
  const id = `w${++lastWorker}`;
  const settings = { ...options, connection, prefix, autorun: false };
  const worker = new Worker(queue, null, settings);
  workers.set(id, { id, queue, held: [], worker });
  const job = await worker.getNextJob(token, { block: false });
  return { worker: id, job: job ? viewOf(job) : null };
}

async function publishEvent({ queue, args, maxEvents }) {
  const producer = new QueueEventsProducer(queue, { connection });
  await producer.publishEvent(args, maxEvents);
  await producer.close();
}

async function closeAll() {
  const stopping = [...workers.values()].map(({ worker }) => worker.close(true));
  const closing = [...readers.values(), ...queues.values()].map((each) => each.close());
  workers.clear();
  readers.clear();
  queues.clear();
  await Promise.all([...stopping, ...closing]);
}

// The names that a class and its objects have beyond those of every event emitter.
function namesOf({ className }) {
  const kind = require(packageName)[className];
  const names = new Set(Object.getOwnPropertyNames(kind));
  const common = [EventEmitter.prototype, Object.prototype];
  for (let each = kind.prototype; !common.includes(each); each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  return [...names];
}

// -- requests ------------------------------------------------------------------------------------

const ops = {
  add: (r) => queueOf(r).add(r.name, r.data, r.opts),
  addBulk: (r) => queueOf(r).addBulk(r.jobs),
  getJob: (r) => queueOf(r).getJob(r.jobId),
  getJobs: (r) => queueOf(r).getJobs(r.types, r.start, r.end, r.asc),
  getState: (r) => queueOf(r).getJobState(r.jobId),
  getJobCounts: (r) => queueOf(r).getJobCounts(...(r.types ?? [])),
  pause: (r) => queueOf(r).pause(),
  resume: (r) => queueOf(r).resume(),
  isPaused: (r) => queueOf(r).isPaused(),
  remove: (r) => queueOf(r).remove(r.jobId),
  retryJob: (r) => onJob(r, 'retry', r.state),
  retryJobs: (r) => queueOf(r).retryJobs(r.opts),
  promote: (r) => onJob(r, 'promote'),
  getLogs: (r) => queueOf(r).getJobLogs(r.jobId),
  getWorkers: (r) => queueOf(r).getWorkers(),
  call: (r) => queueOf(r)[r.method](...(r.args ?? [])),
  flowAdd: async (r) => viewOfTree(await flowProducer.add(r.flow, r.opts)),
  flowAddBulk: async (r) => (await flowProducer.addBulk(r.flows)).map(viewOfTree),
  flowGet: async (r) =>
    viewOfTree(await flowProducer.getFlow({ ...r, queueName: r.queue, id: r.jobId })),
  failJob: (r) => onJob(r, 'moveToFailed', new Error(r.message), r.token, false),
  callJob: (r) => onJob(r, r.method, ...(r.args ?? [])),
  startWorker,
  stopWorker,
  release,
  startEvents,
  waitUntilFinished,
  takeJob,
  publishEvent,
  namesOf,
  closeAll,
};

async function answer(line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    id = request.id;
    if (!Object.hasOwn(ops, request.op)) throw new Error(`no op ${request.op}`);
    send({ id, ok: plain(await ops[request.op](request)) });
  } catch (error) {
    send({ id, error: describe(error) });
  }
}

process.on('uncaughtException', (error) => send({ event: 'unhandled', error: describe(error) }));
process.on('unhandledRejection', (error) => send({ event: 'unhandled', error: describe(error) }));
// Whoever started us is gone; there is nobody left to tell.
process.stdout.on('error', () => process.exit(1));

readline
  .createInterface({ input: process.stdin })
  .on('line', answer)
  .on('close', () => process.exit(0));

send({ event: 'ready', version: require(`${packageName}/package.json`).version });
