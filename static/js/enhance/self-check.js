// Answers a self-check without leaving the place in the text; without this the form posts and the page returns here.
export default function (form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Fragment": "1" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("form");
      form.replaceWith(fresh);
      fresh.querySelector("[role=status]")?.scrollIntoView({ block: "nearest" });
      const note = document.querySelector("[data-open-checks]");
      const open = document.querySelectorAll("form[data-enhance=self-check]").length;
      if (note) note.textContent = open ? note.dataset.some.replace("{n}", open) : note.dataset.none;
    } catch {
      button.disabled = false;
      form.submit();
    }
  });
}
