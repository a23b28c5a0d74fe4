// What the buttons do: each asks the admin API, which checks the role again and writes the audit log.
import { chooseNone, chosenIds } from "./choosing.js";
import { bringBack, many } from "./bulk.js";
import { ask } from "./dialogs.js";
import { addJob, changeJob, changeScheduler, duplicateJob, editAndRetry } from "./forms.js";
import { renew } from "./live.js";
import { call, leave, may, quoted, root, say } from "./page.js";

const queueOf = (data) => `queues/${quoted(data.queue)}`;
const jobOf = (data) => `${queueOf(data)}/jobs/${quoted(data.job)}`;

const schedulerOf = (data) => `${queueOf(data)}/schedulers/${quoted(data.scheduler)}`;

const UNDO = ["It can be undone for a day."];
const RETRY = { title: "Run them again?", yes: "Run again", word: "run again" };
const PROMOTE = { title: "Run them now?", yes: "Run now", word: "run now" };
const REMOVE = { title: "Remove them?", yes: "Remove", word: "removed", danger: true, lines: UNDO };
const OBLITERATE = { yes: "Obliterate", word: "gone with the queue", danger: true, confirms: true, always: true, lines: ["Its settings and schedulers go as well.", ...UNDO] };

/** Name of a button -> the role it needs and what it does; gives what to say, or null when it was called off. */
const ACTIONS = {
  pause: ["operate", async (data) => { await call("POST", `${queueOf(data)}/pause`); return `${data.queue} is paused`; }],
  resume: ["operate", async (data) => { await call("POST", `${queueOf(data)}/resume`); return `${data.queue} goes on`; }],
  limits: ["operate", setLimits],
  retry: ["operate", async (data) => { const job = await call("POST", `${jobOf(data)}/retry`); return `The job is ${job.state}`; }],
  "add-job": ["operate", (data) => addJob(queueOf(data), data)],
  duplicate: ["operate", (data) => duplicateJob(jobOf(data), data)],
  change: ["operate", (data) => changeJob(jobOf(data), data)],
  "edit-retry": ["operate", (data) => editAndRetry(jobOf(data))],
  promote: ["operate", async (data) => { const job = await call("POST", `${jobOf(data)}/promote`); return `The job is ${job.state}`; }],
  remove: ["admin", removeJob],
  "retry-chosen": ["operate", (data) => chosen({ ...RETRY, path: `${queueOf(data)}/retry`, body: { state: data.state } })],
  "promote-chosen": ["operate", (data) => chosen({ ...PROMOTE, path: `${queueOf(data)}/promote`, body: {} })],
  "remove-chosen": ["admin", (data) => chosen({ ...REMOVE, path: `${queueOf(data)}/remove`, body: { state: data.state } })],
  "retry-all": ["operate", (data) => many({ ...RETRY, path: `${queueOf(data)}/retry`, body: { state: "failed" } })],
  "retry-group": ["operate", (data) => many({ ...RETRY, path: `${queueOf(data)}/retry`, body: { state: "failed", name: data.name, fingerprint: data.fingerprint } })],
  "promote-all": ["operate", (data) => many({ ...PROMOTE, path: `${queueOf(data)}/promote`, body: {} })],
  clean: ["admin", clean],
  drain: ["admin", drain],
  obliterate: ["admin", (data) => many({ ...OBLITERATE, title: `Obliterate ${data.queue}?`, path: `${queueOf(data)}/obliterate`, body: {} })],
  "run-scheduler": ["operate", async (data) => { const job = await call("POST", `${schedulerOf(data)}/run`); return `The job ${job.id} is ${job.state}`; }],
  "change-scheduler": ["operate", (data) => changeScheduler(schedulerOf(data))],
  "remove-scheduler": ["admin", removeScheduler],
  undo: ["admin", (data) => bringBack(data.undo)],
};

export function offerActions() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) act(button);
  });
  document.addEventListener("bullrush:renewed", show);
  show();
}

/** Only what one may do is there to click. */
function show() {
  for (const button of document.querySelectorAll("[data-do]")) {
    const action = ACTIONS[button.dataset.do];
    button.hidden = !action || !may(action[0]);
  }
}

async function act(button) {
  const [, run] = ACTIONS[button.dataset.do];
  button.dataset.busy = "";
  try {
    const said = await run({ ...button.dataset });
    if (said) say(said);
    if (said !== null) await renew();
  } catch (error) {
    say(error.message, "bad");
  } finally {
    delete button.dataset.busy;
  }
}

/** The same with the chosen jobs, a thousand at most; they are chosen no more when it was done. */
async function chosen(what) {
  const said = await many({ ...what, body: { ...what.body, ids: chosenIds().slice(0, 1000) } });
  if (said !== null) chooseNone();
  return said;
}

async function clean(data) {
  const answer = await ask({
    title: `Clean ${data.queue}`,
    text: "Jobs of one state go that ended, started or were added long enough ago.",
    fields: [
      { name: "state", label: "State", options: ["completed", "failed", "delayed", "waiting", "prioritized"], value: data.state },
      { name: "hours", label: "Older than so many hours", type: "number", min: 0, value: "24" },
    ],
    yes: "Count them",
  });
  if (!answer) return null;
  const body = { state: answer.state, grace: Math.round(Number(answer.hours || 0) * 3600000) };
  return many({ ...REMOVE, title: `Clean ${data.queue}?`, path: `${queueOf(data)}/clean`, body });
}

async function drain(data) {
  const answer = await ask({
    title: `Drain ${data.queue}`,
    text: "Every job goes that waits.",
    fields: [{ name: "delayed", label: "Delayed jobs as well", type: "checkbox" }],
    yes: "Count them",
    danger: true,
  });
  if (!answer) return null;
  return many({ ...REMOVE, title: `Drain ${data.queue}?`, path: `${queueOf(data)}/drain`, body: { delayed: answer.delayed } });
}

async function removeScheduler(data) {
  const answer = await ask({ title: "Remove this scheduler?", text: `${data.scheduler} runs no more, and its next job goes.`, yes: "Remove", danger: true });
  if (!answer) return null;
  await call("POST", `${schedulerOf(data)}/remove`);
  return `${data.scheduler} is removed`;
}

async function setLimits(data) {
  const answer = await ask({
    title: `Limits of ${data.queue}`,
    text: "They hold for all workers together, Node's too. Empty means no limit.",
    fields: [
      { name: "concurrency", label: "Jobs at once", type: "number", min: 1, value: data.concurrency },
      { name: "max", label: "Jobs that may start", type: "number", min: 1, value: data.max },
      { name: "duration", label: "within so many ms", type: "number", min: 1, value: data.duration },
    ],
    yes: "Set",
  });
  if (!answer) return null;
  const number = (text) => (text === "" ? null : Number(text));
  await call("PUT", `${queueOf(data)}/concurrency`, { concurrency: number(answer.concurrency) });
  await call("PUT", `${queueOf(data)}/rate-limit`, { max: number(answer.max), duration: number(answer.duration) });
  return `The limits of ${data.queue} are set`;
}

async function removeJob(data) {
  const answer = await ask({ title: "Remove this job?", text: "It goes for good, with the jobs below it.", yes: "Remove", danger: true });
  if (!answer) return null;
  await call("POST", `${jobOf(data)}/remove`);
  return leave(`${root}/queue?name=${quoted(data.queue)}`, "The job is removed");
}
