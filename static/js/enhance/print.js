// Shows a button that opens the browser's print dialogue; without JavaScript it stays hidden and the menu prints.
export default function (element) {
  element.hidden = false;
  element.addEventListener("click", () => window.print());
}
