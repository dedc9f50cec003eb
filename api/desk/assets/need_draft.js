/* What is typed into the form of a need is kept in this tab until it is closed or somebody else signs in: it comes back
   after a reload, on the way back from the answer and after a session has ended. */
"use strict";
(function () {
  const KEY = "vivier-besoin";
  const form = document.getElementById("formulaire");
  const offer = document.getElementById("brouillon");
  const NOT_KEPT = ["jeton", "avis", "faire"];

  function fields() {
    return [...new FormData(form)].filter(([name, text]) => typeof text === "string" && text && !NOT_KEPT.includes(name));
  }

  function keep() {
    const now = fields();
    const draft = { of: offer.dataset.draft, at: location.pathname + location.search, fields: now };
    if (now.length) sessionStorage.setItem(KEY, JSON.stringify(draft));
    else sessionStorage.removeItem(KEY);
  }

  function kept() {
    try {
      const found = JSON.parse(sessionStorage.getItem(KEY));
      if (found && found.of === offer.dataset.draft) return found;
    } catch { /* not ours */ }
    sessionStorage.removeItem(KEY);
    return null;
  }

  function bringBack(list) {
    const sent = document.createElement("form");
    sent.method = "post";
    sent.action = offer.dataset.action;
    sent.hidden = true;
    const token = form.querySelector("[name=jeton]").value;
    for (const [name, text] of [...list, ["jeton", token], ["faire", "reprendre"]]) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = text;
      sent.append(field);
    }
    document.body.append(sent);
    sent.submit();
  }

  let wait = 0;
  let isOver = false;
  function soon() {
    clearTimeout(wait);
    if (!isOver) wait = setTimeout(() => { wait = 0; keep(); }, 300);
  }
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("htmx:afterSwap", soon);
  form.addEventListener("submit", keep);
  // whoever signs out leaves nothing behind
  document.querySelector(".leave").addEventListener("submit", () => {
    clearTimeout(wait);
    wait = 0;
    isOver = true;
    sessionStorage.removeItem(KEY);
  });
  // what was typed last is kept although the page is left at once
  window.addEventListener("pagehide", () => { if (wait) keep(); });

  if ("sent" in form.dataset) {
    // the page answers a form: to come back to it must not ask whether to send that again
    keep();
    history.replaceState(null, "", location.href);
  }
  const found = kept();
  const isEmpty = fields().length === 0;
  const [visit] = performance.getEntriesByType("navigation");
  const isBack = visit && visit.type !== "navigate";
  if (found && isBack && !("sent" in form.dataset) && (isEmpty || found.at === location.pathname + location.search)) {
    bringBack(found.fields);
  } else if (found && isEmpty) {
    offer.hidden = false;
  }
  offer.addEventListener("click", (event) => {
    const wish = event.target.dataset.do;
    if (wish === "reprendre") bringBack(found.fields);
    if (wish === "effacer") {
      sessionStorage.removeItem(KEY);
      offer.hidden = true;
      document.getElementById("titre").focus();
    }
  });
})();
