// Choosing several jobs of a list. What is chosen stays chosen while the list is renewed.

const chosen = new Set();

export function offerChoosing() {
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches("[data-id]")) note(box);
    if (box.matches("[data-choose-all]")) {
      for (const each of document.querySelectorAll("[data-id]")) { each.checked = box.checked; note(each); }
    }
    show();
  });
  document.addEventListener("bullrush:renewed", show);
  show();
}

/** The ids that are chosen. */
export function chosenIds() {
  return [...chosen];
}

export function chooseNone() {
  chosen.clear();
  show();
}

function note(box) {
  if (box.checked) chosen.add(box.dataset.id);
  else chosen.delete(box.dataset.id);
}

function show() {
  const boxes = [...document.querySelectorAll("[data-id]")];
  for (const each of boxes) { each.disabled = false; each.checked = chosen.has(each.dataset.id); }
  const all = document.querySelector("[data-choose-all]");
  if (all) {
    all.disabled = !boxes.length;
    all.checked = boxes.length > 0 && boxes.every((each) => each.checked);
    all.indeterminate = !all.checked && boxes.some((each) => each.checked);
  }
  for (const each of document.querySelectorAll("[data-chosen]")) {
    each.textContent = String(chosen.size);
    each.parentElement.hidden = !chosen.size;
  }
  for (const each of document.querySelectorAll(".needs-choice")) each.disabled = !chosen.size;
}
