// A button under each letter that copies its text; all letters open where they are printed.
(function () {
  "use strict";
  window.addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll(".sheet details")) each.open = true;
  });
  if (!navigator.clipboard) return;
  for (const letter of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = letter.dataset.copy;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(letter.textContent);
      button.textContent = letter.dataset.copied;
    });
    letter.after(button);
  }
})();
