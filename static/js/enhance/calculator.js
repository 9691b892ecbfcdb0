// A calculator for figures in a paper: four functions, brackets, per cent, and the last result as Ans. It works without a
// connection and with the keyboard alone. The text is read by a small parser of its own; nothing is ever evaluated as code.
const SIGNS = { "\u00d7": "*", "\u00f7": "/", "\u2212": "-", "\uff0b": "+", "\uff0d": "-", "\uff08": "(", "\uff09": ")", "\uff05": "%", "\uff0e": ".", x: "*", X: "*", ":": "/" };

export function calculate(text, ans) {
  const plain = Array.from(text.normalize("NFKC"), (sign) => SIGNS[sign] || sign).join("").replace(/ans/gi, "A").replace(/[\s,]/g, "");
  const parts = plain.match(/\d+\.?\d*|\.\d+|[-+*/()%A]/g) || [];
  if (!parts.length || parts.join("") !== plain) return null;
  let at = 0;
  let isWrong = false;
  const wrong = () => { isWrong = true; return 0; };
  function sum() {
    let value = product();
    while (parts[at] === "+" || parts[at] === "-") {
      const sign = parts[at++];
      const right = product();
      value = sign === "+" ? value + right : value - right;
    }
    return value;
  }
  function product() {
    let value = single();
    for (;;) {
      if (parts[at] === "*" || parts[at] === "/") {
        const sign = parts[at++];
        const right = single();
        value = sign === "*" ? value * right : right === 0 ? wrong() : value / right;
      } else if (parts[at] === "(" || parts[at] === "A") value *= single();
      else return value;
    }
  }
  function single() {
    if (parts[at] === "-" || parts[at] === "+") return parts[at++] === "-" ? -single() : single();
    let value;
    if (parts[at] === "(") {
      at += 1;
      value = sum();
      if (parts[at] === ")") at += 1;
      else wrong();
    } else if (parts[at] === "A") { at += 1; value = ans; } else if (/^[\d.]/.test(parts[at] || "")) value = Number(parts[at++]);
    else return wrong();
    while (parts[at] === "%") { at += 1; value /= 100; }
    return value;
  }
  const value = sum();
  return isWrong || at < parts.length || !Number.isFinite(value) ? null : value;
}

// Twelve significant figures: 0.1 + 0.2 is 0.3.
export function shown(value) {
  return String(Number(value.toPrecision(12)));
}

export default function (element) {
  const field = element.querySelector("input");
  const result = element.querySelector("output");
  let ans = 0;
  element.hidden = false;
  const clear = () => { field.value = ""; result.textContent = "0"; };
  function equals() {
    const value = calculate(field.value, ans);
    if (value === null) { result.textContent = field.value.trim() ? element.dataset.wrong : "0"; return; }
    ans = Number(shown(value));
    result.textContent = shown(value);
    field.select();
  }
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "=") { event.preventDefault(); equals(); }
    if (event.key === "Escape") { event.preventDefault(); clear(); }
    event.stopPropagation();
  });
  element.addEventListener("click", (event) => {
    const sign = event.target.closest("button")?.dataset.sign;
    if (!sign) return;
    if (sign === "=") equals();
    else if (sign === "C") clear();
    else if (sign === "back") field.value = field.value.slice(0, -1);
    else {
      // after a result a figure begins anew, a sign of operation goes on with it
      const isDone = field.value && field.selectionStart === 0 && field.selectionEnd === field.value.length;
      field.value = isDone ? (/[\d(.]/.test(sign) ? sign : `Ans${sign}`) : field.value + sign;
    }
    if (sign !== "=") field.focus({ preventScroll: true });
    if (sign !== "=" && sign !== "C") field.setSelectionRange(field.value.length, field.value.length);
  });
}
