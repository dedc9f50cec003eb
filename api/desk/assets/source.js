// A trial is shown beside the form, so that the file stays chosen; a file may also be dropped on its field.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("envoi");
  if (!form) return;
  const waiting = document.getElementById("attente");
  const field = form.querySelector("[type=file]");
  const drop = form.querySelector(".drop");
  for (const name of ["dragover", "drop"]) {
    drop.addEventListener(name, (event) => event.preventDefault());
  }
  drop.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length) field.files = event.dataTransfer.files;
  });
  form.addEventListener("submit", (event) => {
    // what is downloaded leaves this page as it is
    waiting.hidden = Boolean(event.submitter) && event.submitter.value === "corriger";
    if (!event.submitter || event.submitter.value !== "essayer") return;
    event.preventDefault();
    const buttons = [...form.elements].filter((each) => each.type === "submit");
    for (const button of buttons) button.disabled = true;
    const sent = new FormData(form, null);
    sent.set("faire", "essayer");
    fetch(form.action, { method: "POST", body: sent, headers: { Accept: "text/html" } })
      .then((answer) => answer.text())
      .then((text) => show(new DOMParser().parseFromString(text, "text/html")))
      .catch(() => HTMLFormElement.prototype.submit.call(form))
      .finally(() => {
        waiting.hidden = true;
        for (const button of buttons) button.disabled = false;
      });
  });

  function show(page) {
    const result = document.getElementById("resultat");
    const told = page.getElementById("resultat");
    const wrong = page.querySelectorAll("#envoi .mistake");
    if (!told) {
      result.replaceChildren(...page.getElementById("contenu").childNodes);
      return;
    }
    result.replaceChildren(...told.childNodes);
    for (const each of form.querySelectorAll(".mistake")) each.remove();
    for (const each of wrong) field.before(each);
    field.toggleAttribute("aria-invalid", wrong.length > 0);
    (wrong.length ? field : result.querySelector("h2")).scrollIntoView({ block: "center" });
  }
});
