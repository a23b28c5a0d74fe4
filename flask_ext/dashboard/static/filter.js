// Filters the rows of a table while one types; without scripts the server does it.

export function offerFilters() {
  const input = document.querySelector("[data-filter]");
  if (!input) return;
  const apply = () => {
    const sought = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of document.getElementById(input.dataset.filter).children) {
      row.hidden = !row.dataset.name.includes(sought);
      shown += row.hidden ? 0 : 1;
    }
    const count = document.querySelector("[data-count]");
    if (count) count.textContent = String(shown);
  };
  input.addEventListener("input", apply);
  for (const name of ["bullrush:rows", "bullrush:renewed"]) document.addEventListener(name, apply);
}
