'use strict';
// The cron arithmetic of Node BullMQ: the cron-parser it has installed, driven like peer.js over
// JSON lines on stdin and stdout.
//
//   node cron.js <bullmq|bullmq5> <unused>
//
// Request:  {"id": 1, "op": "times", "cases": [[pattern, zone or null, start ms, count], ...]}
// Reply:    {"id": 1, "ok": [[ms, ms, ...] or {"error": message}, ...]}
// Unasked:  {"event": "ready"}           once, with the version of cron-parser
//
// Each time is computed from the one before with a new parse, as BullMQ does from run to run. The
// process ends when stdin does.

const readline = require('node:readline');

const [packageName] = process.argv.slice(2);
const found = require.resolve('cron-parser', { paths: [require.resolve(packageName)] });
const library = require(found);
// 5.81 has version 4 of it, with other names.
const parse = library.CronExpressionParser?.parse ?? library.parseExpression;

function send(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

function times([pattern, tz, start, count]) {
  const options = tz === null ? {} : { tz };
  const result = [];
  let currentDate = start;
  try {
    while (result.length < count) {
      const expression = parse(pattern, { ...options, currentDate: new Date(currentDate) });
      currentDate = expression.next().getTime();
      result.push(currentDate);
    }
  } catch (error) {
    return { error: error.message };
  }
  return result;
}

function answer(line) {
  const { id, op, cases } = JSON.parse(line);
  try {
    if (op !== 'times') throw new Error(`no op ${op}`);
    send({ id, ok: cases.map(times) });
  } catch (error) {
    send({ id, error: { message: error.message, code: null, stack: error.stack } });
  }
}

readline
  .createInterface({ input: process.stdin })
  .on('line', answer)
  .on('close', () => process.exit(0));

const version = require(require.resolve('cron-parser/package.json', { paths: [found] })).version;
send({ event: 'ready', version });
