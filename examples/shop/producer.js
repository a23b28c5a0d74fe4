// A Node producer of the warehouse: adds a job for a Python task and waits for its result.
// Usage: node producer.js PORT. Prints {"id": ..., "result": ...}.
const { Queue, QueueEvents } = require('bullmq');

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };

const main = async () => {
  const queue = new Queue('stock', { connection });
  // Read from the stream's beginning: waitUntilReady() comes back before Node has sent its first read, and a read
  // from "now" that is sent after the job was done waits for an event that has passed.
  const events = new QueueEvents('stock', { connection, lastEventId: '0-0' });
  await events.waitUntilReady();
  // The job's name is the task's name; a plain object becomes its keyword arguments.
  const job = await queue.add('shop.reserve_stock', { sku: 'teapot-7', amount: 3 });
  const result = await job.waitUntilFinished(events, 10000);
  console.log(JSON.stringify({ id: job.id, result }));
  await events.close();
  await queue.close();
};

main().catch((error) => {
  console.error(`producer.js: ${error.message}`);
  process.exit(1);
});
