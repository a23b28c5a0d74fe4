// A Node worker of the warehouse: prints labels for jobs that Python adds.
// Usage: node worker.js PORT. Ends when its standard input ends, so it never outlives whoever started it.
const { Worker } = require('bullmq');

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };

// A job added from Python by task name has its arguments in data.args and data.kwargs.
const print = async (job) => {
  const [order] = job.data.args;
  return { label: `LABEL-${order}`, carrier: job.data.kwargs.carrier, by: `node ${process.version}` };
};

const worker = new Worker('labels', print, { connection });
worker.on('error', (error) => console.error(`worker.js: ${error.message}`));

const stop = async () => {
  await worker.close();
  process.exit(0);
};
process.stdin.on('end', stop).resume();
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

worker.waitUntilReady().then(() => console.log('ready'));
