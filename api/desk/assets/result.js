// The answer: the address says the need as it is asked now, a question is copied at a click, and where a lot cannot be
// had by itself the whole page is asked for, as without scripts.
"use strict";
(() => {
  const LONGEST_ADDRESS = 4000;
  const form = document.getElementById("changer");
  if (!form) return;
  const french = document.documentElement.lang === "fr";

  const address = () => {
    const isSaid = ([name, text]) => text && name !== "jeton" && name !== "choix" && !name.startsWith("rayon-");
    const fields = [...new FormData(form)].filter(isSaid);
    return "?" + new URLSearchParams(fields);
  };

  const addCopies = (root) => {
    for (const line of root.querySelectorAll(".ask:not(.with-copy)")) {
      if (!navigator.clipboard) return;
      line.classList.add("with-copy");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain copy";
      button.textContent = french ? "Copier la question" : "Copy the question";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(line.querySelector("q").textContent);
        button.textContent = french ? "Question copiée" : "Copied";
      });
      line.append(button);
    }
  };

  // The chips are one stop of the tabulator: arrows lead from one of their buttons to the next.
  const joinChips = () => {
    for (const chips of document.querySelectorAll(".chips")) {
      chips.setAttribute("role", "toolbar");
      chips.setAttribute("aria-label", chips.dataset.name);
      const stops = [...chips.querySelectorAll("button")];
      const stop = stops.includes(document.activeElement) ? document.activeElement : stops[0];
      for (const each of stops) each.tabIndex = each === stop ? 0 : -1;
    }
  };
  document.body.addEventListener("focusin", joinChips);
  document.body.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const chips = step && event.target.closest(".chips");
    if (!chips) return;
    event.preventDefault();
    const stops = [...chips.querySelectorAll("button")];
    stops.at((stops.indexOf(event.target) + step) % stops.length).focus();
  });

  const sayAddress = (how) => {
    const said = address();
    if (said.length <= LONGEST_ADDRESS && said !== location.search) history[how](null, "", said + location.hash);
  };

  addEventListener("beforeprint", () => {
    for (const more of document.querySelectorAll("details.more")) more.open = true;
  });
  sayAddress("replaceState");
  let shown = location.search;
  addCopies(document);
  joinChips();
  document.body.addEventListener("htmx:afterSettle", (event) => {
    addCopies(document);
    joinChips();
    const pressed = event.detail.requestConfig && event.detail.requestConfig.elt;
    const taken = pressed && /^sans-(\d+)-/.exec(pressed.id);
    if (taken && !pressed.isConnected) document.querySelector(`#reponse-${taken[1]} .chips button`)?.focus();
    // on a phone, the row of lots is moved to the one that is open
    const open = document.querySelector(".lots [aria-current]");
    if (open) open.closest("ul").scrollLeft = open.offsetLeft - open.closest("ul").offsetLeft;
    // what was asked for is where reading goes on
    if (pressed && pressed.value) {
      const more = /^suite-(\d+)-/.exec(pressed.value);
      const wanted = document.getElementById(more ? `candidats-${more[1]}` : pressed.name === "voir" && `lot-${pressed.value}`);
      if (wanted) wanted.closest("[tabindex]").focus();
    }
    if (event.detail.requestConfig && event.detail.requestConfig.verb === "post") {
      sayAddress("pushState");
      shown = location.search;
    }
  });
  // The number is known before the answer: it is shown at once.
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const pressed = event.detail.elt;
    if (!pressed.matches(".switch")) return;
    for (const other of pressed.closest("fieldset").querySelectorAll(".switch")) {
      other.setAttribute("aria-pressed", String(other === pressed));
    }
    const number = pressed.querySelector("b").textContent;
    const none = french ? "Aucun fournisseur repéré" : "No supplier found";
    const several = french ? `${number} fournisseurs repérés` : `${number} suppliers found`;
    const one = french ? "1 fournisseur repéré" : "1 supplier found";
    const words = { 0: none, 1: one }[number] || several;
    pressed.closest("section").querySelector(".notice .count").textContent = words;
  });
  document.body.addEventListener("keydown", (event) => {
    const apply = event.key === "Enter" && document.getElementById(event.target.id.replace(/^rayon-(.*)$/, "choix-$1-autre"));
    if (!apply || apply === event.target) return;
    event.preventDefault();
    apply.click();
  });
  addEventListener("popstate", () => {
    if (location.search !== shown) location.reload();
  });
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:swapError"]) {
    document.body.addEventListener(failure, (event) => {
      const button = event.detail.elt;
      if (button.isConnected && button.form === form) form.requestSubmit(button);
      else form.submit();
    });
  }
})();
