// Asks once before an action that cannot be undone; without JavaScript the page itself carries the warning.
export default function (element) {
  element.addEventListener("click", (event) => {
    if (!window.confirm(element.dataset.confirm)) event.preventDefault();
  });
}
