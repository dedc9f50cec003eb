// A field that narrows the suppliers to be ticked, above their list; ticking one means "only those that I tick".
(function () {
  "use strict";
  const box = document.querySelector(".choices");
  if (!box) return;
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const labels = Array.from(box.querySelectorAll("label[data-name]"));
  const french = document.documentElement.lang === "fr";
  if (labels.length > 8) {
    const line = document.createElement("p");
    const label = document.createElement("label");
    const field = document.createElement("input");
    const count = document.createElement("span");
    field.type = "search";
    field.id = "filtre";
    label.htmlFor = "filtre";
    label.textContent = french ? "Chercher un nom" : "Look for a name";
    count.setAttribute("role", "status");
    count.className = "hint";
    line.append(label, field, count);
    box.querySelector("summary").after(line);
    field.addEventListener("input", () => {
      const wanted = plain(field.value.trim());
      let shown = 0;
      for (const each of labels) {
        const ticked = each.querySelector("input").checked;
        each.hidden = !ticked && !plain(each.dataset.name).includes(wanted);
        shown += each.hidden ? 0 : 1;
      }
      count.textContent = wanted ? shown + " / " + labels.length : "";
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
  }
  box.addEventListener("change", (event) => {
    const some = document.querySelector("input[name=a][value=choisis]");
    if (some && event.target.name === "fournisseur" && event.target.checked) some.checked = true;
  });
})();
