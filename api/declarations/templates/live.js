"use strict";
(function () {
  const status = document.getElementById("annonce");
  const english = document.documentElement.lang === "en";
  const kinds = { commune: "commune", epci: "intercommunalité", departement: "département", region: "région", country: "pays", nuts: "zone européenne" };

  async function found(path) {
    const answer = await fetch(path, { headers: { accept: "application/json" }, credentials: "omit" });
    return answer.ok ? (await answer.json()).items : [];
  }
  async function trades(words) {
    const parts = words.split(/[,;\/\n]|\bet\b/i).map((part) => part.trim()).filter((part) => part.length > 2).slice(0, 10);
    const lists = await Promise.all(parts.map((part) => found(`../segments/search?limit=3&q=${encodeURIComponent(part)}`)));
    return lists.flatMap((some) => some.filter((each, place) => !place || each.confidence >= 0.7)).slice(0, 8).map((each) => [each.id, each.label]);
  }
  async function places(words) {
    if (words.length < 2) return [];
    return (await found(`../territories?limit=8&q=${encodeURIComponent(words)}`)).map((each) => {
      const around = ["commune", "epci"].includes(each.kind) ? each.parents.filter((one) => one.id.startsWith("departement:")).slice(0, 3) : [];
      return [each.id, `${each.label} (${[kinds[each.kind], ...around.map((one) => one.label)].join(", ")})`];
    });
  }

  // a person is there: programs that look at the links of e-mails neither touch nor type
  const acts = ["pointerdown", "keydown", "wheel", "touchmove"];
  function seen() {
    for (const act of acts) removeEventListener(act, seen);
    fetch("?", { method: "POST", body: new URLSearchParams({ faire: "vue" }), credentials: "omit", keepalive: true }).catch(() => {});
  }
  if (location.pathname.includes("/fiche/")) for (const act of acts) addEventListener(act, seen, { passive: true });

  for (const button of document.querySelectorAll("button.hidden")) button.remove();
  for (const [id, name, look] of [["mots", "metier", trades], ["lieu", "territoire", places]]) {
    const field = document.getElementById(id);
    const box = document.querySelector(`[data-of=${id}]`);
    if (!field) return;
    let waiting = 0, asked = 0;
    field.parentElement.querySelector("button").remove();

    async function show() {
      const number = ++asked;
      let some;
      try { some = await look(field.value.trim()); } catch { return; }
      if (number !== asked) return;
      for (const label of [...box.children]) {
        if (label.querySelector("input").checked) continue;
        if (label.dataset.listed) field.closest(".field").before(label);
        else label.remove();
      }
      let shown = 0;
      for (const [value, words] of new Map(some)) {
        const there = [...document.getElementsByName(name)].find((each) => each.value === value);
        shown += 1;
        if (there) {
          // beside the words that mean it, where it is looked for
          if (!box.contains(there)) {
            there.parentElement.dataset.listed = "1";
            box.append(there.parentElement);
          }
          continue;
        }
        const label = document.createElement("label"), input = document.createElement("input");
        Object.assign(input, { type: "checkbox", name, value, id: `${name}-${value}` });
        label.append(input, " ", words);
        box.append(label);
      }
      if (field.value.trim()) status.textContent = english ? (shown ? `${shown} to tick` : "Nothing was found: try other words") : shown ? `${shown} ${shown > 1 ? "propositions" : "proposition"} à cocher` : "Rien n'a été trouvé : essayez d'autres mots";
    }
    field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 250); });
    field.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); show(); } });
    box.addEventListener("change", (event) => {
      if (id !== "lieu" || !event.target.checked) return;
      field.value = "";
      for (const radio of document.getElementsByName("zone")) radio.checked = false;
    });
  }
  for (const radio of document.getElementsByName("zone")) radio.addEventListener("change", () => {
    for (const each of document.getElementsByName("territoire")) each.checked = false;
  });
})();
