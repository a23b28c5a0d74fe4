// Ctrl K: go to a queue, a page or a job, or do something, without the mouse.
import { element } from "./dialogs.js";
import { root, quoted } from "./page.js";

export function offerPalette() {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !event.altKey) {
      event.preventDefault();
      open();
    }
  });
}

async function open() {
  if (document.querySelector("dialog[open]")) return;
  const dialog = element("dialog", { class: "palette", "aria-label": "Search" });
  const input = element("input", { placeholder: "Queue, page, action or job id", "aria-label": "Search", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", autocomplete: "off", spellcheck: "false" });
  const list = element("ul", { id: "palette-list", role: "listbox" });
  dialog.append(input, list);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  input.focus();
  let entries = here();
  let chosen = 0;
  const show = () => {
    const matching = found(entries, input.value.trim());
    chosen = Math.max(0, Math.min(chosen, matching.length - 1));
    list.replaceChildren(...matching.map((entry, index) => row(entry, index, index === chosen, go)));
    input.setAttribute("aria-activedescendant", matching.length ? `palette-${chosen}` : "");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
    return matching;
  };
  const go = (entry) => {
    dialog.close();
    if (entry.href) location.assign(entry.href);
    else entry.act();
  };
  input.addEventListener("input", () => { chosen = 0; show(); });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); chosen += step; show(); }
    if (event.key === "Enter") { event.preventDefault(); const matching = show(); if (matching[chosen]) go(matching[chosen]); }
  });
  show();
  entries = entries.concat(await queues());
  show();
}

/** What this page offers: its links in the bar, and its buttons. */
function here() {
  const pages = [...document.querySelectorAll(".top nav a")].map((each) => ({ text: each.textContent, kind: "page", href: each.href }));
  const actions = [...document.querySelectorAll("[data-do]:not([hidden]):not(:disabled)")].map((each) => ({ text: each.textContent.trim(), kind: "action", act: () => each.click() }));
  return [...pages, ...actions];
}

async function queues() {
  try {
    const response = await fetch(`${root}/names`, { headers: { Accept: "application/json" } });
    const names = (await response.json()).queues;
    return names.map((name) => ({ text: name, kind: "queue", href: `${root}/queue?name=${quoted(name)}` }));
  } catch {
    return [];
  }
}

function found(entries, text) {
  const sought = text.toLowerCase();
  const matching = entries.filter((each) => each.text.toLowerCase().includes(sought));
  matching.sort((one, other) => one.text.toLowerCase().indexOf(sought) - other.text.toLowerCase().indexOf(sought));
  const jobs = text ? [{ text: `Find the job ${text}`, kind: "job", href: `${root}/find?q=${quoted(text)}` }] : [];
  return [...matching.slice(0, 30), ...jobs];
}

function row(entry, index, chosen, go) {
  const item = element("li", { id: `palette-${index}`, role: "option", "aria-selected": String(chosen) });
  item.append(element("span", {}, entry.text), element("span", { class: "kind" }, entry.kind));
  item.addEventListener("click", () => go(entry));
  return item;
}
