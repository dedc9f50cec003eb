/* The form of a need while it is filled in: what is understood is announced, a place that was chosen empties the name
   that was typed for it, and a file may be dropped anywhere. */
"use strict";
(function () {
  const form = document.getElementById("formulaire");
  const status = document.getElementById("annonce");

  // what is understood is shown already
  form.querySelector(".actions [value=comprendre]").hidden = true;

  function announce(text, isSeen) {
    status.textContent = text;
    status.classList.toggle("hidden", !isSeen);
    status.classList.toggle("notice", Boolean(isSeen));
  }

  // before htmx reads the fields to send
  document.addEventListener("change", (event) => {
    if (!event.target.matches("#formulaire .possible")) return;
    const typed = document.getElementById(event.target.closest(".choices").dataset.of);
    if (typed) typed.value = "";
  }, true);

  form.addEventListener("htmx:afterSwap", (event) => {
    const said = event.target.querySelector(".said");
    if (said) {
      announce(said.textContent);
      said.remove();
    }
    const sent = event.detail.requestConfig.parameters;
    const added = document.getElementById(event.target.id.replace("metiers", "ajout"));
    if (event.target.matches(".trades") && added && added.value === sent[added.name]) added.value = "";
  });
  for (const failure of ["htmx:responseError", "htmx:sendError"]) {
    form.addEventListener(failure, () => announce(form.dataset.lost, true));
  }

  const zone = document.getElementById("avis-depot");
  const file = document.getElementById("avis");
  const holdsFile = (event) => [...event.dataTransfer.types].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    zone.open = true;
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    file.files = event.dataTransfer.files;
    form.requestSubmit(zone.querySelector("[value=avis]"));
  });
})();
