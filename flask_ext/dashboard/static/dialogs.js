// Questions before something is done. All text is set as text.

/**
 * Ask, and give what was answered; null when it was called off.
 *
 * question: {title, text, lines, fields: [{name, label, type, value, hint, options}], yes, danger, exactly}
 * `exactly`: what must be typed before the answer can be yes.
 */
export function ask(question) {
  return new Promise((resolve) => {
    const dialog = element("dialog", { "aria-labelledby": "dialog-title" });
    const form = element("form", { method: "dialog" });
    form.append(element("h2", { id: "dialog-title" }, question.title));
    for (const line of [question.text, ...(question.lines || [])]) {
      if (line) form.append(element("p", {}, line));
    }
    const fields = (question.fields || []).map(field);
    form.append(...fields.map((each) => each.label));
    const yes = element("button", { type: "submit", class: `primary ${question.danger ? "danger" : ""}` }, question.yes || "Yes");
    if (question.exactly !== undefined) form.append(lock(yes, question.exactly));
    const no = element("button", { type: "button" }, "Cancel");
    const buttons = element("div", { class: "buttons" });
    buttons.append(no, yes);
    form.append(buttons);
    dialog.append(form);
    document.body.append(dialog);
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    no.addEventListener("click", () => end(null));
    dialog.addEventListener("cancel", () => end(null));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!yes.disabled) end(Object.fromEntries(fields.map((each) => [each.name, value(each.input)])));
    });
    dialog.showModal();
    (form.querySelector("input, textarea, select") || (question.danger ? no : yes)).focus();
  });
}

function lock(button, exactly) {
  const label = element("label", {}, `Type ${exactly} to go on`);
  const input = element("input", { name: "exactly", autocomplete: "off", inputmode: "numeric" });
  button.disabled = true;
  input.addEventListener("input", () => {
    button.disabled = input.value.trim() !== String(exactly);
  });
  label.append(input);
  return label;
}

function field(given) {
  const label = element("label", {}, given.label);
  let input;
  if (given.type === "textarea") {
    input = element("textarea", { name: given.name, class: "code", spellcheck: "false" });
    input.value = given.value || "";
  } else if (given.options) {
    input = element("select", { name: given.name });
    for (const each of given.options) input.append(element("option", { value: each }, each));
    input.value = given.value || given.options[0];
  } else {
    input = element("input", { name: given.name, type: given.type || "text", autocomplete: "off" });
    if (given.type === "checkbox") input.checked = Boolean(given.value);
    else input.value = given.value ?? "";
    if (given.min !== undefined) input.min = given.min;
  }
  label.append(input);
  if (given.hint) label.append(element("span", { class: "faint" }, given.hint));
  return { name: given.name, label, input };
}

function value(input) {
  return input.type === "checkbox" ? input.checked : input.value;
}

export function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, each] of Object.entries(attributes)) made.setAttribute(key, each);
  if (text) made.textContent = text;
  return made;
}
