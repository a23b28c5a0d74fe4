// Actions on many jobs: first how many it would be, then a yes, then the action. More than a thousand
// have to be typed. What was taken away can be brought back for a day.
import { ask } from "./dialogs.js";
import { renew } from "./live.js";
import { call, offer } from "./page.js";

/** From so many jobs on, the number has to be typed. */
const MANY = 1000;

/**
 * what: {path, body, title, yes, danger, word, always}
 * `word`: what became of them, such as "run again"; `always`: the number has to be typed whatever it is.
 */
export async function many(what) {
  const tried = await call("POST", what.path, { ...what.body, dryRun: true });
  const jobs = count(tried.matched);
  if (!tried.matched && !what.always) return `No job to do that with`;
  const names = [...new Set(tried.sample.map((each) => each.name))].slice(0, 3).join(", ");
  const answer = await ask({
    title: what.title,
    text: `${tried.complete ? "" : "At least "}${jobs}${names ? `, such as ${names}` : ""}.`,
    lines: what.lines,
    yes: what.yes,
    danger: what.danger,
    exactly: what.always || tried.matched > MANY ? tried.matched : undefined,
  });
  if (!answer) return null;
  const confirm = what.confirms ? { confirm: tried.matched } : {};
  const done = await call("POST", what.path, { ...what.body, ...confirm });
  const text = `${count(done.changed)} ${what.word}${done.complete ? "" : "; there are more"}`;
  if (!done.undo) return text;
  offer(text, "Undo", () => bringBack(done.undo));
  return "";
}

/** Bring back what an action took away; gives what came of it. */
export async function bringBack(id) {
  const back = await call("POST", `undo/${id}`);
  await renew();
  const some = back.skippedIds.slice(0, 5).join(", ");
  const skipped = back.skipped ? `, ${back.skipped} had been added anew (${some})` : "";
  return `${count(back.restored)} brought back${skipped}`;
}

function count(number) {
  return number === 1 ? "1 job" : `${number.toLocaleString("en")} jobs`;
}
