// Keeps the count of marked trainees up to date while the register is filled in, and warns before unsaved marks are left.
export default function (form) {
  const count = form.querySelector("[data-count]");
  const rows = [...form.querySelectorAll("[data-row]")];
  let changed = false;
  const show = () => {
    const marked = rows.filter((row) => row.querySelector("input[type=radio]:checked")).length;
    count.textContent = count.dataset.count.replace("{marked}", String(marked)).replace("{all}", String(rows.length));
  };
  form.addEventListener("change", () => {
    changed = true;
    show();
  });
  form.addEventListener("submit", () => {
    changed = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
  show();
}
