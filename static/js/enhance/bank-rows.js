// Rows of a draft: the empty row at the end is folded away behind a button until it is wanted.
export default function (group) {
  const spare = group.querySelectorAll(":scope > .bank-one.is-spare");
  if (spare.length === 0) return;
  const all = [...group.querySelectorAll(":scope > .bank-one")];
  const hidden = [...spare].filter((row) => all.indexOf(row) >= Number(group.dataset.least));
  if (hidden.length === 0) return;
  for (const row of hidden) row.hidden = true;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-s";
  button.textContent = group.dataset.add;
  button.addEventListener("click", () => {
    const row = hidden.shift();
    row.hidden = false;
    row.querySelector("input, textarea, select")?.focus();
    if (hidden.length === 0) button.remove();
  });
  group.append(button);
}
