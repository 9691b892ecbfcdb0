// Saves an export as a file and then shows its manifest. Without this the browser downloads the answer by itself.
export default function (form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
      if (answer.redirected) {
        location.assign(answer.url);
        return;
      }
      const page = answer.headers.get("X-Export-Page");
      if (!answer.ok || !page) throw new Error(String(answer.status));
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = name ? name[1] : "certifications";
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => location.assign(page), 400);
    } catch {
      button.removeAttribute("aria-disabled");
      let note = form.parentElement.querySelector("[role=alert]");
      if (!note) {
        note = document.createElement("p");
        note.setAttribute("role", "alert");
        note.className = "bad small";
        form.parentElement.append(note);
      }
      note.textContent = form.dataset.failed;
    }
  });
}
