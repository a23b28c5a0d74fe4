// Keeps a page true: by the stream of changes where the server has one, else by asking again. Nothing
// happens while the tab is hidden.
import { isStale, isTrue, root } from "./page.js";

const POLL_MS = 5000;
// A stream ends now and then, and comes back at once; a server that is away takes longer.
const STREAM_MS = 6000;

// What is under a pressed button must stay there until it is let go, or the click is lost.
let pressed = false;
const later = [];
addEventListener("pointerdown", () => { pressed = true; }, true);
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => setTimeout(release), true);

function release() {
  pressed = false;
  for (const act of later.splice(0)) act();
}

export function followQueues() {
  const kind = document.body.dataset.live;
  if (!kind) return;
  const follower = kind === "overview" && typeof EventSource === "function" ? new Stream() : new Poll();
  const look = () => (document.hidden ? follower.stop() : follower.start());
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => follower.stop());
  look();
}

class Stream {
  constructor() {
    this.position = document.body.dataset.position || "";
    this.poll = new Poll();
  }

  start() {
    if (this.source || this.polling) return this.polling && this.poll.start();
    const query = new URLSearchParams({ after: this.position, sort: document.body.dataset.sort || "" });
    this.source = new EventSource(`${root}/live?${query}`);
    for (const name of ["snapshot", "delta"]) {
      this.source.addEventListener(name, (event) => this.take(event));
    }
    // Closed for good means that the server has no stream for us.
    this.source.addEventListener("error", () => {
      if (this.source && this.source.readyState === EventSource.CLOSED) this.give_up();
      else if (!this.worry) this.worry = setTimeout(() => isStale("The server does not answer"), STREAM_MS);
    });
    this.source.addEventListener("open", () => this.calm());
  }

  calm() {
    clearTimeout(this.worry);
    this.worry = null;
  }

  take(event) {
    if (pressed) return later.push(() => this.take(event));
    isTrue();
    this.position = event.lastEventId;
    document.body.dataset.connection = "stream";
    const message = JSON.parse(event.data);
    replaceParts(message.parts);
    if (message.rows) arrangeRows(message.rows, message.parts);
    document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  }

  give_up() {
    this.stop();
    this.polling = true;
    this.poll.start();
  }

  stop() {
    this.calm();
    if (this.source) this.source.close();
    this.source = null;
    this.poll.stop();
  }
}

class Poll {
  start() {
    document.body.dataset.connection = "poll";
    if (!this.timer) this.timer = setInterval(() => this.ask(), POLL_MS);
  }

  async ask() {
    if (this.asking || document.querySelector("dialog[open], [data-busy]")) return;
    this.asking = true;
    const there = await renew();
    this.asking = false;
    if (!there) this.stop(); // The page has gone, as a job does that is removed.
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
  }
}

/** Ask for this page again, and put what has changed in its place. False when there is none. */
export async function renew() {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (response.redirected) location.reload(); // to the login
    if (response.status === 404) return false;
    if (response.ok) {
      replaceFrom(new DOMParser().parseFromString(await response.text(), "text/html"));
      isTrue();
    } else if (!response.redirected) isStale(response.status === 503 ? "Redis does not answer" : "The server does not answer");
  } catch {
    isStale("The server does not answer"); // The next question may find it.
  }
  return true;
}

// The HTML of each part as the server sent it: scripts change what is on the page.
const sent = new Map();

function replaceFrom(page) {
  if (pressed) return later.push(() => replaceFrom(page));
  const refocus = [];
  for (const part of document.querySelectorAll("[data-part]")) {
    const found = page.getElementById(part.id);
    const html = found ? found.outerHTML : "";
    if (sent.get(part.id) === html || isInUse(part)) continue;
    sent.set(part.id, html);
    if (found) refocus.push(swap(part, document.adoptNode(found)));
    else part.replaceChildren();
  }
  document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  document.dispatchEvent(new CustomEvent("bullrush:renewed"));
  for (const each of refocus) each(); // now that buttons are shown
}

/** Whether somebody types there. */
function isInUse(part) {
  const active = document.activeElement;
  return part.contains(active) && active.matches("input:not([type=checkbox]), textarea, select");
}

/** Put a part in the place of its older self; what was opened stays so. Gives what brings the focus back. */
function swap(part, fresh) {
  const opened = [...part.querySelectorAll("details")].map((each) => each.open);
  const focus = part.contains(document.activeElement) ? path(document.activeElement) : null;
  [...fresh.querySelectorAll("details")].forEach((each, index) => { each.open = opened[index] ?? each.open; });
  part.replaceWith(fresh);
  return () => focus && [...fresh.querySelectorAll(focus.tag)].find((each) => path(each).key === focus.key)?.focus();
}

function path(element) {
  const names = ["href", "data-do", "data-queue", "data-id", "data-job", "data-scheduler", "data-fingerprint", "data-name", "data-undo", "name", "tabindex"];
  return { tag: element.tagName, key: names.map((each) => element.getAttribute(each)).join(" ") };
}

function replaceParts(parts) {
  for (const [id, html] of Object.entries(parts)) {
    const element = document.getElementById(id);
    if (!element) continue;
    // Where somebody is at the keyboard, or has chosen another span, the part stays.
    if (element.dataset.span && element.dataset.span !== "1h") continue;
    swap(element, elementOf(html))();
  }
}

function arrangeRows(ids, parts) {
  const body = document.getElementById("queue-rows");
  if (!body) return;
  const rows = ids.map((id) => document.getElementById(id) || (parts[id] ? elementOf(parts[id]) : null));
  const shown = rows.filter(Boolean);
  const now = [...body.children];
  if (shown.length !== now.length || shown.some((row, index) => row !== now[index])) body.replaceChildren(...shown);
  const empty = document.querySelector("[data-empty]");
  if (empty) empty.hidden = shown.length > 0;
  document.dispatchEvent(new CustomEvent("bullrush:rows"));
}

function elementOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}
