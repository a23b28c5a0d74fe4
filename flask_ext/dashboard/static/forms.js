// Forms for new jobs and for what a job carries. The server checks what was typed; until it is right the form stays.
import { ask } from "./dialogs.js";
import { call, leave, quoted, root } from "./page.js";

const HIDDEN = "A value that is not shown would be lost: change the others by a patch in the API.";
const page = (queue, id) => `${root}/job?queue=${quoted(queue)}&id=${quoted(id)}`;

/** A new job. Names of tasks are suggested, and their arguments with them. */
export async function addJob(path, data) {
  const { tasks } = await call("GET", "tasks");
  let filled = "{}";
  const job = await ask({
    title: `Add a job to ${data.queue}`,
    fields: [
      { name: "name", label: "Name, such as that of a task", suggestions: tasks.map((each) => each.name) },
      { name: "data", label: "Payload, JSON", type: "textarea", value: filled },
      number("delay", "Delay, ms"),
      number("priority", "Priority: 1 is first, empty goes before all"),
      number("attempts", "Attempts", 1),
      number("backoff", "ms between attempts"),
      { name: "jobId", label: "Id; empty: the next number" },
      { name: "lifo", label: "Before those that wait already", type: "checkbox" },
    ],
    follow: (inputs, changed) => {
      const task = tasks.find((each) => each.name === inputs.name.value);
      if (changed !== "name" || !task || inputs.data.value !== filled) return;
      inputs.data.value = filled = JSON.stringify(task.data, null, 2);
    },
    yes: "Add",
    attempt: (answer) => call("POST", `${path}/jobs`, { name: answer.name, data: parsed(answer.data), options: options(answer), check: true }),
  });
  return job && leave(page(data.queue, job.id), `The job ${job.id} is ${job.state}`);
}

/** A copy of a job, perhaps with another payload. */
export async function duplicateJob(path, data) {
  const job = await ask({
    title: "Duplicate this job",
    text: "The copy has an id of its own and no parent.",
    fields: [
      { name: "patch", label: "Merged into its payload, JSON: null takes a field away", type: "textarea", value: "{}" },
      number("delay", "Delay, ms"),
      number("priority", "Priority"),
    ],
    yes: "Duplicate",
    attempt: (answer) => {
      const patch = parsed(answer.patch);
      const changed = Object.keys(patch ?? {}).length > 0;
      return call("POST", `${path}/duplicate`, { ...numbers(answer, ["delay", "priority"]), ...(changed ? { patch } : {}) });
    },
  });
  return job && leave(page(data.queue, job.id), `The copy ${job.id} is ${job.state}`);
}

/** What a job carries that waits, and when its turn is. */
export async function changeJob(path, data) {
  const before = payload();
  const waits = data.state === "delayed" ? number("delay", "Runs in so many ms from now; empty: as it is") : number("priority", "Priority; 0: none, before all others");
  if (data.state !== "delayed") waits.value = data.priority;
  const job = await ask({
    title: "Change this job",
    text: HIDDEN,
    fields: [{ name: "data", label: "Payload, JSON", type: "textarea", value: before }, waits],
    yes: "Change",
    attempt: async (answer) => {
      let job = { state: data.state };
      if (answer.data !== before) job = await call("POST", `${path}/edit`, { data: parsed(answer.data) });
      if (answer.delay) job = await call("POST", `${path}/delay`, { delay: Number(answer.delay) });
      if (answer.priority !== undefined && answer.priority !== data.priority) job = await call("POST", `${path}/priority`, { priority: Number(answer.priority) });
      return job;
    },
  });
  return job && `The job is ${job.state} as changed`;
}

/** Another payload for a job that has ended, which runs again with it. */
export async function editAndRetry(path) {
  const job = await ask({
    title: "Edit and retry",
    text: `The payload as JSON. ${HIDDEN}`,
    fields: [{ name: "data", label: "Payload", type: "textarea", value: payload() }],
    yes: "Retry with this",
    attempt: (answer) => call("POST", `${path}/edit`, { data: parsed(answer.data) }),
  });
  return job && `The job is ${job.state} with its new payload`;
}

/** When a scheduler runs and what its jobs carry; what the form does not have stays as it is. */
export async function changeScheduler(path) {
  const old = await call("GET", path);
  const changed = await ask({
    title: `Change ${old.id}`,
    text: "Its next run is planned anew. Values that are not shown stay while the payload is left as it is.",
    fields: [
      { name: "pattern", label: "Cron pattern, five or six fields", value: old.pattern },
      { name: "tz", label: "Time zone of the pattern, such as Europe/Berlin", value: old.tz },
      { ...number("every", "Or ms between two runs", 1), value: old.every },
      { ...number("limit", "At most so many runs", 1), value: old.limit },
      { name: "name", label: "Name of its jobs", value: old.name },
      { name: "data", label: "Their payload, JSON", type: "textarea", value: JSON.stringify(old.data, null, 2) },
    ],
    yes: "Change",
    attempt: (answer) => call("PUT", path, scheduled(old, answer)),
  });
  return changed && `${changed.id} runs next at ${new Date(changed.next).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function scheduled(old, answer) {
  const { startDate, endDate, offset, options } = old;
  const kept = { startDate, endDate, options, ...(answer.every && { offset }) };
  const texts = Object.fromEntries(["pattern", "tz", "name"].filter((name) => answer[name]).map((name) => [name, answer[name]]));
  return { ...kept, ...texts, ...numbers(answer, ["every", "limit"]), data: parsed(answer.data) };
}

const payload = () => document.getElementById("job-data").textContent;
const number = (name, label, min = 0) => ({ name, label, type: "number", min });

function options(answer) {
  const found = numbers(answer, ["delay", "priority", "attempts", "backoff"]);
  if (answer.jobId) found.jobId = answer.jobId;
  if (answer.lifo) found.lifo = true;
  return found;
}

function numbers(answer, names) {
  return Object.fromEntries(names.filter((name) => answer[name]).map((name) => [name, Number(answer[name])]));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
}
