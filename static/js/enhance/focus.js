// Brings the summary of problems into view and focus, so that a screen reader starts there.
export default function (element) {
  element.focus();
}
