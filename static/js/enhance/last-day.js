// Fills in the last day from the first one and the programme's length, until somebody chooses it by hand.
export default function (form) {
  const lengths = JSON.parse(form.dataset.lengths);
  const [first, last, programme] = ["first", "last", "programme"].map((name) => document.getElementById(form.dataset[name]));
  let own = last.value !== "";
  const fill = () => {
    const days = lengths[programme.value];
    const begin = Date.parse(`${first.value}T00:00:00Z`);
    if (own || days === undefined || Number.isNaN(begin)) return;
    last.value = new Date(begin + days * 86400000).toISOString().slice(0, 10);
  };
  last.addEventListener("input", () => {
    own = last.value !== "";
  });
  first.addEventListener("change", fill);
  programme.addEventListener("change", fill);
}
