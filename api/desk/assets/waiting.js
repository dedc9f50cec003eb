/* A button whose answer takes long says so, and is not pressed twice. */
"use strict";
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || !button.dataset.wait) return;
  if (button.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  button.setAttribute("aria-busy", "true");
  button.dataset.said = button.textContent;
  button.textContent = button.dataset.wait;
});
// the page may come back as it was left
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy]")) {
    button.removeAttribute("aria-busy");
    button.textContent = button.dataset.said;
  }
});
