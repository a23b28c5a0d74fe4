// What the buttons do: each asks the admin API, which checks the role again and writes the audit log.
import { chooseNone, chosenIds } from "./choosing.js";
import { ask } from "./dialogs.js";
import { renew } from "./live.js";
import { call, leave, may, quoted, root, say } from "./page.js";

const queueOf = (data) => `queues/${quoted(data.queue)}`;
const jobOf = (data) => `${queueOf(data)}/jobs/${quoted(data.job)}`;

/** Name of a button -> the role it needs and what it does; gives what to say, or null when it was called off. */
const ACTIONS = {
  pause: ["operate", async (data) => { await call("POST", `${queueOf(data)}/pause`); return `${data.queue} is paused`; }],
  resume: ["operate", async (data) => { await call("POST", `${queueOf(data)}/resume`); return `${data.queue} goes on`; }],
  limits: ["operate", setLimits],
  retry: ["operate", async (data) => { const job = await call("POST", `${jobOf(data)}/retry`); return `The job is ${job.state}`; }],
  "edit-retry": ["operate", editAndRetry],
  promote: ["operate", async (data) => { const job = await call("POST", `${jobOf(data)}/promote`); return `The job is ${job.state}`; }],
  remove: ["admin", removeJob],
  "retry-chosen": ["operate", (data) => onChosen(data, "retry", "Run them again")],
  "promote-chosen": ["operate", (data) => onChosen(data, "promote", "Run them now")],
  "remove-chosen": ["admin", (data) => onChosen(data, "remove", "Remove them", true)],
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

/** One request for each of the chosen jobs; what was refused stays chosen. */
async function onChosen(data, what, yes, danger = false) {
  const ids = chosenIds();
  const jobs = ids.length === 1 ? "one job" : `${ids.length} jobs`;
  const exactly = ids.length > 1000 ? ids.length : undefined;
  if (!(await ask({ title: `${yes}?`, text: `${jobs} of ${data.queue}`, yes, danger, exactly }))) return null;
  const refused = [];
  for (const id of ids) {
    try {
      await call("POST", `${jobOf({ ...data, job: id })}/${what}`);
    } catch (error) {
      refused.push(error.message);
    }
  }
  chooseNone();
  if (refused.length) say(`${refused.length} of ${ids.length} refused: ${refused[0]}`, "bad");
  return `Done with ${ids.length - refused.length} of ${ids.length}`;
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

async function editAndRetry(data) {
  let text = document.getElementById("job-data").textContent;
  const answer = await ask({
    title: "Edit and retry",
    text: "The payload as JSON. A value that is not shown would be lost: change the others by a patch in the API.",
    fields: [{ name: "data", label: "Payload", type: "textarea", value: text }],
    yes: "Retry with this",
  });
  if (!answer) return null;
  const job = await call("POST", `${jobOf(data)}/edit`, { data: parsed(answer.data) });
  return `The job is ${job.state} with its new payload`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
}

async function removeJob(data) {
  const answer = await ask({ title: "Remove this job?", text: "It goes for good, with the jobs below it.", yes: "Remove", danger: true });
  if (!answer) return null;
  await call("POST", `${jobOf(data)}/remove`);
  return leave(`${root}/queue?name=${quoted(data.queue)}`, "The job is removed");
}
