// Questions before something is done. All text is set as text.

/**
 * Ask, and give what was answered; null when it was called off.
 *
 * question: {title, text, lines, fields: [{name, label, type, value, hint, options, suggestions}], yes, danger, exactly,
 * attempt, follow}
 * `exactly`: what must be typed before the answer can be yes.
 * `attempt`: what is done with the answer; its result is given instead, and while it throws the question stays and
 * says what was wrong.
 * `follow`: told of the inputs, by name, and of the one that was changed.
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
    const inputs = Object.fromEntries(fields.map((each) => [each.name, each.input]));
    form.addEventListener("input", (event) => question.follow?.(inputs, event.target.name));
    const problem = element("p", { class: "problem", role: "alert" });
    if (question.attempt) form.append(problem);
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
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (yes.disabled) return;
      const answer = Object.fromEntries(fields.map((each) => [each.name, value(each.input)]));
      if (!question.attempt) return end(answer);
      yes.disabled = true;
      problem.textContent = "";
      try {
        end(await question.attempt(answer));
      } catch (error) {
        problem.textContent = error.message;
      }
      yes.disabled = false;
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
  if (given.suggestions) label.append(suggesting(input, given));
  if (given.hint) label.append(element("span", { class: "faint" }, given.hint));
  return { name: given.name, label, input };
}

function suggesting(input, given) {
  const list = element("datalist", { id: `suggested-${given.name}` });
  for (const each of given.suggestions) list.append(element("option", { value: each }));
  input.setAttribute("list", list.id);
  return list;
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
