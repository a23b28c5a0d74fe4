// What the server tells every script of the page, and how scripts speak to it.

const meta = (name) => document.querySelector(`meta[name="bullrush-${name}"]`).content;

export const root = meta("root");
export const api = meta("api");
const csrf = meta("csrf");

const RANKS = { read: 1, operate: 2, admin: 3 };

/** Whether whoever looks may do what needs that role. The server asks again. */
export function may(role) {
  return RANKS[document.body.dataset.role] >= RANKS[role];
}

/** Ask the admin API; gives `data` of the answer, or throws what was wrong. */
export async function call(method, path, body) {
  const response = await fetch(`${api}/admin/${path}`, {
    method,
    headers: { "X-CSRF-Token": csrf, Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || answer.success === false) {
    throw new Error(answer.error || `the server answered ${response.status}`);
  }
  return answer.data;
}

export const quoted = encodeURIComponent;

let seen = new Date();
let leaving = false;
addEventListener("pagehide", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

/** What is shown is true at this moment. */
export function isTrue() {
  seen = new Date();
  document.getElementById("stale")?.remove();
}

/** What is shown cannot be renewed just now: say so, and of when it is. */
export function isStale(why) {
  if (leaving) return; // which ends every question
  document.getElementById("stale")?.remove();
  const notice = document.createElement("p");
  Object.assign(notice, { id: "stale", className: "banner critical stale", role: "status" });
  notice.textContent = `${why}. What is shown is of ${seen.toISOString().slice(11, 19)} UTC.`;
  document.getElementById("main").prepend(notice);
}

const LATER = "bullrush-say";

/** Go to another page, and say something there. Gives null: there is nothing to renew here. */
export function leave(address, text) {
  sessionStorage.setItem(LATER, text);
  location.assign(address);
  return null;
}

/** Say what the page before had to say. */
export function sayWhatWasLeft() {
  const text = sessionStorage.getItem(LATER);
  sessionStorage.removeItem(LATER);
  if (text) say(text);
}

/** Say something in the corner of the page. */
export function say(text, kind = "") {
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  toast.textContent = text;
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), kind ? 15000 : 6000);
  return toast;
}

/** Say something, with a button that does something about it and says what came of that. */
export function offer(text, words, act) {
  const toast = say(`${text} `, "offer");
  const button = document.createElement("button");
  button.textContent = words;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      say(await act());
    } catch (error) {
      say(error.message, "bad");
    }
    toast.remove();
  });
  toast.append(button);
}
