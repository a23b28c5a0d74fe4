'use strict';
// The Node half of the differential test: runs whole programs of concrete steps, on a clock that
// only the program moves.
//
//   node differential.js <bullmq|bullmq5> <port or redis:// URL>
//
// Request:  {"id": 1, "op": "run", "prefix": "...", "steps": [{"op": "add", "now": ms, ...}, ...]}
// Reply:    {"id": 1, "ok": [{"ok": value} or {"error": {"code", "name", "message"}}, ...]}
// Unasked:  {"event": "ready"} once, with the version; {"event": "unhandled", error}.
//
// What the steps mean is said in tests/interop/differential/README.md. Ids, tokens and uuids come
// with the steps, so that both halves use the same ones. The process ends when stdin does.

const crypto = require('node:crypto');
const readline = require('node:readline');

const { connectionOf } = require('./connection');

// -- before BullMQ is loaded: time and uuids belong to the program --------------------------------

let now = 0;
const uuids = [];
const makeUuid = crypto.randomUUID.bind(crypto);
crypto.randomUUID = (...args) => uuids.shift() ?? makeUuid(...args);

Math.random = () => 0.5;

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0 && now > 0) super(now);
    else super(...args);
  }

  static now() {
    return now > 0 ? now : RealDate.now();
  }
};

const [packageName, address] = process.argv.slice(2);
const bullmq = require(packageName);
const { FlowProducer, Job, Queue, QueueEventsProducer, UnrecoverableError, Worker } = bullmq;
const connection = connectionOf(address);
const LOCK_MS = 300_000;

console.log = console.info = console.error;

function send(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

function describe(error) {
  const { message = String(error), code = null, name = null, stack = null } = error || {};
  return { message, code, name, stack };
}

// -- what the steps work with ----------------------------------------------------------------------

const made = new Map();
/** Jobs as they were taken, by token and id: options are those of that moment. */
const held = new Map();

function once(key, make) {
  if (!made.has(key)) {
    const each = make();
    each.on('error', (error) => send({ event: 'unhandled', error: describe(error) }));
    made.set(key, each);
  }
  return made.get(key);
}

function queueOf({ prefix, queue }) {
  return once(`queue ${prefix} ${queue}`, () => new Queue(queue, { connection, prefix, skipMetasUpdate: true }));
}

function flowsOf({ prefix }) {
  return once(`flows ${prefix}`, () => new FlowProducer({ connection, prefix }));
}

function producerOf({ prefix, queue }) {
  return once(`producer ${prefix} ${queue}`, () => new QueueEventsProducer(queue, { connection, prefix }));
}

const WORKERS = {
  plain: {},
  named: { name: 'ann' },
  limited: { limiter: { max: 2, duration: 240_000 } },
  keeping: { removeOnComplete: { count: 2 }, removeOnFail: { age: 3600, count: 1 } },
  counting: { metrics: { maxDataPoints: 4 } },
  starting: { maxStartedAttempts: 2 },
};

function workerOf({ prefix, queue, worker = 'plain' }) {
  return once(`worker ${prefix} ${queue} ${worker}`, () => {
    const options = { connection, prefix, autorun: false, skipStalledCheck: true, skipLockRenewal: true };
    return new Worker(queue, null, { ...options, lockDuration: LOCK_MS, ...WORKERS[worker] });
  });
}

/** A job to act on; of one that does not exist there is a handle as well. */
async function jobOf(step) {
  const queue = queueOf(step);
  return (await Job.fromId(queue, step.job)) ?? new Job(queue, 'ghost', {}, {}, step.job);
}

async function heldOf(step) {
  const worker = workerOf(step);
  const handle = held.get(`${step.token} ${step.job}`);
  return handle ?? (await Job.fromId(worker, step.job)) ?? new Job(worker, 'ghost', {}, {}, step.job);
}

function keep(job, token) {
  if (job) held.set(`${token} ${job.id}`, job);
  return job ? job.id : null;
}

async function redisOf(step) {
  return queueOf(step).getBackend ? queueOf(step).getBackend().client : queueOf(step).client;
}

/** What a finishing call brought back: the next job, if there is one. */
async function nextOf(step, reply) {
  if (!Array.isArray(reply)) return { id: null, limited: false, due: 0 };
  const [data, id, limitMs, due] = reply;
  const job = data ? await workerOf(step).nextJobFromJobData(data, id, step.token) : null;
  return { id: keep(job, step.token), limited: (limitMs ?? 0) > 0, due: job ? 0 : Math.trunc(due || 0) };
}

function failure({ failure: { reason, unrecoverable, stack } }) {
  const error = unrecoverable ? new UnrecoverableError(reason) : new Error(reason);
  error.stack = stack;
  return error;
}

/** By hand our side says no more than which job it got. */
function brought({ by_hand: byHand }, fetched) {
  return byHand ? { id: fetched.id } : fetched;
}

/** Names of programs for queues have no prefix. */
function options({ opts, prefix }) {
  if (!opts?.parent) return opts;
  return { ...opts, parent: { ...opts.parent, queue: `${prefix}:${opts.parent.queue}` } };
}

function viewOf(job) {
  const { id, name, data, progress, delay, priority, timestamp, attemptsMade, attemptsStarted } = job;
  const { processedOn, finishedOn, processedBy, failedReason, returnvalue, stalledCounter } = job;
  const { deferredFailure, deduplicationId, parentKey, opts } = job;
  const view = {
    id, name, data, progress, delay, priority, timestamp, attemptsMade, attemptsStarted,
    processedOn, finishedOn, processedBy, failedReason, returnvalue, stalledCounter,
    deferredFailure, deduplicationId, parentKey, opts,
  };
  return Object.fromEntries(Object.entries(view).map(([key, each]) => [key, each ?? null]));
}

function treeOf({ job, children = [] }) {
  return { queue: job.queueName, id: job.id, children: children.map(treeOf) };
}

/** Children have no order once they are stored; one that is gone is undefined. */
function sortedTree({ queue, id, children }) {
  const known = children.map(sortedTree);
  known.sort((one, two) => (`${one.queue} ${one.id}` < `${two.queue} ${two.id}` ? -1 : 1));
  return { queue, id, children: known };
}

function presentTree({ job, children = [] }) {
  return { job, children: children.filter(Boolean).map(presentTree) };
}

function schedulerOf(found) {
  const { key, name, next, iterationCount, every, pattern, tz, limit, startDate, endDate } = found;
  const { offset, template } = found;
  const view = {
    key, name, next, iterationCount, every, pattern, tz, limit, startDate, endDate, offset,
    data: template?.data, options: template?.opts ?? {},
  };
  return Object.fromEntries(Object.entries(view).map(([part, each]) => [part, each ?? null]));
}

// -- what can be asked -----------------------------------------------------------------------------

const questions = {
  counts: (q, s) => q.getJobCounts(...s.states),
  count: async (q, s) => [
    await q.count(), await q.getDelayedCount(), await q.getDelayedCount(now + s.ahead),
  ],
  priorities: (q, s) => q.getCountsPerPriority(s.priorities),
  ranges: (q, s) => q.getRanges(s.states.length ? s.states : ALL_STATES, s.start, s.end, s.asc),
  jobs: async (q, s) => {
    const jobs = await q.getJobs(s.states.length ? s.states : ALL_STATES, s.start, s.end, s.asc);
    return jobs.map((job) => job.id);
  },
  job: async (q, s) => {
    const job = await q.getJob(s.job);
    return [await q.getJobState(s.job), job ? viewOf(job) : null];
  },
  logs: (q, s) => q.getJobLogs(s.job, s.start, s.end, s.asc),
  family: async (q, s) => {
    const job = await jobOf(s);
    const { processed, unprocessed, failed } = await job.getDependencies();
    return {
      values: await job.getChildrenValues(),
      ignored: await job.getIgnoredChildrenFailures(),
      counts: await job.getDependenciesCount(),
      processed,
      unprocessed: unprocessed.sort(),
      failed: failed.sort(),
    };
  },
  flow: async (q, s) => {
    const tree = await flowsOf(s).getFlow({ queueName: s.queue, id: s.job, prefix: s.prefix });
    return tree?.job ? sortedTree(treeOf(presentTree(tree))) : null;
  },
  schedulers: async (q, s) => {
    const one = await q.getJobScheduler('s');
    return {
      all: (await q.getJobSchedulers(s.start, s.end, s.asc)).map(schedulerOf),
      one: one ? schedulerOf(one) : null,
      count: await q.getJobSchedulersCount(),
    };
  },
  metrics: async (q, s) => {
    const { meta: { count, prevCount }, data, count: points } = await q.getMetrics(s.kind);
    return { meta: { count, prevCount }, data, count: points };
  },
  prometheus: async (q) => (await q.exportPrometheusMetrics({ zone: 'a"b' })).split('\n').sort(),
  settings: async (q) => ({
    paused: await q.isPaused(),
    maxed: await q.isMaxed(),
    concurrency: await q.getGlobalConcurrency(),
    rate: await q.getGlobalRateLimit(),
    limited: [
      (await q.getRateLimitTtl()) > 0, (await q.getRateLimitTtl(1)) > 0, (await q.getRateLimitTtl(2)) > 0,
    ],
    owners: [await q.getDeduplicationJobId('d'), await q.getDeduplicationJobId('e')],
  }),
};

const ALL_STATES = [
  'active', 'completed', 'delayed', 'failed', 'prioritized', 'waiting', 'waiting-children',
];

// -- the steps -------------------------------------------------------------------------------------

const steps = {
  advance: () => null,
  add: async (s) => (await queueOf(s).add(s.name, s.data, options(s))).id,
  add_bulk: async (s) => {
    const jobs = s.jobs.map((job) => ({ ...job, opts: options({ ...s, ...job }) }));
    return (await queueOf(s).addBulk(jobs)).map((job) => job.id);
  },

  add_flow: async (s) => treeOf(await flowsOf(s).add(s.flow)),

  take: async (s) => {
    const worker = workerOf(s);
    worker.limitUntil = worker.blockUntil = 0;
    const job = await worker.getNextJob(s.token, { block: false });
    const limited = worker.limitUntil > now;
    const due = job ? 0 : Math.trunc(worker.blockUntil);
    return brought(s, { id: keep(job, s.token), limited, due });
  },
  complete: async (s) => {
    const reply = await (await heldOf(s)).moveToCompleted(s.value, s.token, s.fetch);
    return brought(s, await nextOf(s, reply));
  },
  fail: async (s) => {
    const reply = await (await heldOf(s)).moveToFailed(failure(s), s.token, s.fetch);
    return brought(s, await nextOf(s, reply));
  },
  delay: async (s) => void (await (await heldOf(s)).moveToDelayed(now + s.delay, s.token)),
  give_back: async (s) => (await (await heldOf(s)).moveToWait(s.token)) > 0,
  exhaust: async (s) => {
    // In a processor it is the other way round, whether or not the job is still its own.
    await (await heldOf(s)).moveToWait(s.token);
    await queueOf(s).rateLimit(s.ms);
  },
  wait_for_children: async (s) => {
    const child = s.child && { ...s.child, queue: `${s.prefix}:${s.child.queue}` };
    return (await heldOf(s)).moveToWaitingChildren(s.token, child ? { child } : {});
  },
  // What our side does in one call: the last outcome brings the first job, as in a worker.
  commit_many: async (s) => {
    const one = { ...s, by_hand: true };
    const results = [];
    const fetched = [];
    for (const [index, each] of s.outcomes.entries()) {
      const fetch = s.most > 0 && index === s.outcomes.length - 1;
      const result = await settled({ ...one, ...each, fetch });
      if (result.ok?.id) fetched.push(result);
      results.push('error' in result ? result : { ok: { id: null } });
    }
    while (fetched.length < s.most) fetched.push(await settled({ ...one, op: 'take' }));
    return [...results, ...fetched];
  },
  extend_lock: async (s) => (await heldOf(s)).extendLock(s.token, s.lock_ms),

  progress: async (s) => void (await (await jobOf(s)).updateProgress(s.value)),
  update_data: async (s) => void (await (await jobOf(s)).updateData(s.data)),
  log: async (s) => (await jobOf(s)).log(s.row),

  clear_logs: async (s) => void (await (await jobOf(s)).clearLogs(s.keep ?? undefined)),

  retry: async (s) => {
    const options = { resetAttemptsMade: s.reset_made, resetAttemptsStarted: s.reset_started };
    await (await jobOf(s)).retry(s.state, options);
    return null;
  },
  retry_jobs: async (s) => void (await queueOf(s).retryJobs({ state: s.state })),
  promote: async (s) => void (await (await jobOf(s)).promote()),
  promote_jobs: async (s) => void (await queueOf(s).promoteJobs()),
  change_delay: async (s) => void (await (await jobOf(s)).changeDelay(s.delay)),
  change_priority: async (s) => {
    await (await jobOf(s)).changePriority({ priority: s.priority, lifo: s.lifo });
    return null;
  },
  remove: async (s) => {
    return (await queueOf(s).remove(s.job, { removeChildren: s.children ?? true })) === 1;
  },
  leave_parent: async (s) => (await jobOf(s)).removeChildDependency(),
  drop_children: async (s) => void (await (await jobOf(s)).removeUnprocessedChildren()),
  remove_deduplication_key: async (s) =>
    s.job === undefined
      ? (await queueOf(s).removeDeduplicationKey(s.deduplication)) === 1
      : (await jobOf(s)).removeDeduplicationKey(),

  pause: async (s) => void (await queueOf(s).pause()),
  resume: async (s) => void (await queueOf(s).resume()),
  drain: async (s) => void (await queueOf(s).drain(s.delayed)),
  clean: async (s) => (await queueOf(s).clean(s.grace, s.limit, s.type)).sort(),
  obliterate: async (s) => void (await queueOf(s).obliterate({ force: s.force })),
  remove_orphans: async (s) => queueOf(s).removeOrphanedJobs(),
  publish: async (s) => void (await producerOf(s).publishEvent({ eventName: s.event, ...s.fields })),
  set_concurrency: async (s) => {
    if (s.concurrency === null) await queueOf(s).removeGlobalConcurrency();
    else await queueOf(s).setGlobalConcurrency(s.concurrency);
  },
  set_rate: async (s) => {
    if (s.max === null) await queueOf(s).removeGlobalRateLimit();
    else await queueOf(s).setGlobalRateLimit(s.max, s.duration);
  },
  rate_limit: async (s) => {
    if (s.ms === null) await queueOf(s).removeRateLimitKey();
    else await queueOf(s).rateLimit(s.ms);
  },
  sweep: async (s) => {
    if (s.again) await (await redisOf(s)).del(`${s.prefix}:${s.queue}:stalled-check`);
    await workerOf(s).moveStalledJobsToWait();
  },
  expire: async (s) => (await (await redisOf(s)).del(`${s.prefix}:${s.queue}:${s.suffix}`)) === 1,

  upsert_scheduler: async (s) => {
    const job = await queueOf(s).upsertJobScheduler(s.id, s.repeat, s.template);
    return job ? job.id : null;
  },
  remove_scheduler: (s) => queueOf(s).removeJobScheduler(s.id),

  ask: (s) => questions[s.what](queueOf(s), s),
};

async function settled(step) {
  try {
    now = step.now;
    uuids.splice(0, uuids.length, ...(step.uuids ?? []));
    if (!Object.hasOwn(steps, step.op)) throw new Error(`no step ${step.op}`);
    return { ok: (await steps[step.op](step)) ?? null };
  } catch (error) {
    const { code = null, name, message } = error ?? {};
    return { error: { code: typeof code === 'number' ? code : null, name, message } };
  }
}

async function run({ prefix, steps: program }) {
  const results = [];
  for (const step of program) results.push(await settled({ prefix, ...step }));
  now = 0;
  return results;
}

function forget() {
  held.clear();
  return null;
}

const ops = { run, forget };

async function answer(line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    id = request.id;
    send({ id, ok: await ops[request.op](request) });
  } catch (error) {
    send({ id, error: describe(error) });
  }
}

process.on('uncaughtException', (error) => send({ event: 'unhandled', error: describe(error) }));
process.on('unhandledRejection', (error) => send({ event: 'unhandled', error: describe(error) }));
process.stdout.on('error', () => process.exit(1));

readline
  .createInterface({ input: process.stdin })
  .on('line', answer)
  .on('close', () => process.exit(0));

send({ event: 'ready', version: require(`${packageName}/package.json`).version });
