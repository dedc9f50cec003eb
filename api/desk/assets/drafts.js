/* What is typed into a form with a `data-draft` is kept in this tab until it is sent, the tab is closed or somebody else
   signs in: it comes back after a reload and on the way back, and is offered after a session has ended.

   A form is sent once the answer to it leads to another page; while forms answer it (something to correct, to be read
   again, to sign in) it is not. One with `data-bring-back` is filled in by the server, which has to lay it out anew. */
"use strict";
(function () {
  const KEY = "vivier-saisies";
  const NOT_KEPT = ["jeton", "avis", "faire"];
  const MOST = 20;
  const { person, answer } = document.body.dataset;
  const isAnswer = answer !== undefined;
  const [visit] = performance.getEntriesByType("navigation");
  const french = document.documentElement.lang === "fr";
  const say = (inFrench, inEnglish) => (french ? inFrench : inEnglish);

  function read() {
    try {
      const found = JSON.parse(sessionStorage.getItem(KEY));
      if (found && (!person || found.of === person)) return found;
    } catch { /* not ours */ }
    return { of: person, sent: null, forms: {} };
  }

  function write(drafts) {
    for (const name of Object.keys(drafts.forms).slice(0, -MOST)) delete drafts.forms[name];
    if (Object.keys(drafts.forms).length) sessionStorage.setItem(KEY, JSON.stringify(drafts));
    else sessionStorage.removeItem(KEY);
  }

  const here = location.pathname + location.search;
  const laidOutByServer = (form) => "bringBack" in form.dataset;
  const nameOf = (form) => laidOutByServer(form) ? form.dataset.draft : new URL(form.action).pathname + " " + form.dataset.draft;
  const isBox = (field) => field.type === "checkbox" || field.type === "radio";
  const idOf = (field) => isBox(field) ? field.name + "=" + field.value : field.name;
  const isTyped = (field) => field.name && !["hidden", "submit", "button", "file", "password", "fieldset"].includes(field.type);

  function isChanged(field) {
    if (isBox(field)) return field.checked !== field.defaultChecked;
    if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
    const given = [...field.options].findIndex((each) => each.defaultSelected);
    return field.selectedIndex !== Math.max(given, 0);
  }

  // the state of what the form is about: where another one was shown, what was typed does not belong there
  const about = (form) => JSON.stringify([...form.elements]
    .filter((field) => field.type === "hidden" && !NOT_KEPT.includes(field.name)).map((field) => [field.name, field.value]));

  const fits = (form, draft) => laidOutByServer(form) || draft.about === about(form);

  function fieldsOf(form, isAnswered) {
    if (laidOutByServer(form)) {
      return [...new FormData(form)].filter(([name, text]) => typeof text === "string" && text && !NOT_KEPT.includes(name));
    }
    return [...form.elements].filter((field) => isTyped(field) && (isAnswered || isChanged(field)))
      .map((field) => [idOf(field), isBox(field) ? field.checked : field.value, field.tagName === "TEXTAREA"]);
  }

  function keep(form, isAnswered, isSent) {
    const drafts = read(), name = nameOf(form), fields = fieldsOf(form, isAnswered);
    delete drafts.forms[name];
    if (fields.length) drafts.forms[name] = { at: here, about: about(form), fields };
    if (isSent) drafts.sent = name;
    write(drafts);
  }

  function forget(form) {
    const drafts = read();
    delete drafts.forms[nameOf(form)];
    write(drafts);
  }

  function sendBack(form, fields) {
    const sent = document.createElement("form");
    sent.method = "post";
    sent.action = form.dataset.bringBack;
    sent.hidden = true;
    for (const [name, text] of [...fields, ["jeton", form.elements.jeton.value], ["faire", "reprendre"]]) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = text;
      sent.append(field);
    }
    document.body.append(sent);
    sent.submit();
  }

  function fillIn(form, fields) {
    const typed = new Map(fields.map(([id, value]) => [id, value]));
    for (const field of [...form.elements].filter((each) => isTyped(each) && typed.has(idOf(each)))) {
      if (isBox(field)) field.checked = typed.get(idOf(field));
      else field.value = typed.get(idOf(field));
      for (let around = field.closest("details"); around && isChanged(field); around = around.parentElement.closest("details")) {
        around.open = true;
      }
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const bringBack = (form, fields) => laidOutByServer(form) ? sendBack(form, fields) : fillIn(form, fields);

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "plain";
    made.textContent = words;
    made.addEventListener("click", act);
    return made;
  }

  const enter = (form) => [...form.elements].find((field) => isTyped(field) && field.checkVisibility())?.focus();

  function offer(form, draft) {
    const box = document.createElement("div"), words = document.createElement("p"), actions = document.createElement("p");
    box.className = "notice draft";
    actions.className = "actions";
    words.textContent = fits(form, draft) ? say("Vous aviez commencé une saisie dans cet onglet, sans l'envoyer.", "You had begun to fill this in, in this tab, and did not send it.")
      : say("Vous aviez commencé à écrire, et cette page a changé depuis. Voici ce que vous aviez écrit :", "You had begun to write, and this page has changed since. This is what you wrote:");
    box.append(words);
    const texts = fits(form, draft) ? [] : draft.fields.filter(([, text, isLong]) => isLong && text);
    if (!fits(form, draft) && !texts.length) return forget(form);
    for (const [, text] of texts) {
      const shown = document.createElement("div");
      shown.className = "words";
      shown.textContent = text;
      box.append(shown);
    }
    if (fits(form, draft)) actions.append(button(say("La reprendre", "Go on with it"), () => { box.remove(); bringBack(form, draft.fields); enter(form); }), " ");
    actions.append(button(say("L'effacer", "Discard it"), () => { box.remove(); forget(form); enter(form); }));
    box.append(actions);
    const folded = form.closest("details");
    (folded || form).before(box);
  }

  function attend(form) {
    let wait = 0;
    const now = () => { clearTimeout(wait); wait = 0; if (!isOver) keep(form, isOwnAnswer(form)); };
    const soon = () => { clearTimeout(wait); wait = setTimeout(now, 300); };
    for (const event of ["input", "change", "htmx:afterSwap"]) form.addEventListener(event, soon);
    form.addEventListener("submit", () => { clearTimeout(wait); wait = 0; keep(form, isOwnAnswer(form), true); });
    // what was typed last is kept although the page is left at once
    window.addEventListener("pagehide", () => { if (wait) now(); });
  }

  const drafts = read(), sent = drafts.sent;
  const isOwnAnswer = (form) => isAnswer && sent === nameOf(form);
  let isOver = false;
  if (person && sent && !isAnswer && visit && visit.redirectCount > 0) delete drafts.forms[sent];
  if (!isAnswer) drafts.sent = null;
  if (person || !isAnswer) write(drafts);
  if (!person) return;

  // whoever signs out leaves nothing behind
  document.querySelector(".leave")?.addEventListener("submit", () => { isOver = true; sessionStorage.removeItem(KEY); });
  const isBack = visit && visit.type !== "navigate";
  const forms = document.querySelectorAll("form[data-draft]");
  // another form of the page leads on to something else
  document.addEventListener("submit", (event) => {
    if (!forms.length || "draft" in event.target.dataset || isOver) return;
    write({ ...read(), sent: null });
  });
  for (const form of forms) {
    const draft = drafts.forms[nameOf(form)];
    const isBlank = laidOutByServer(form) && fieldsOf(form).length === 0;
    // of a page that answers another form than this one, which stands on it too
    const isBeside = isAnswer && new URL(form.action).pathname === location.pathname;
    attend(form);
    if (isOwnAnswer(form) || (isAnswer && laidOutByServer(form))) {
      keep(form, true, true);
      // to come back to this page must not ask whether to send the form again
      history.replaceState(null, "", location.href);
    } else if (draft && fits(form, draft) && (isBeside || (isBack && (isBlank || draft.at === here)))) {
      bringBack(form, draft.fields);
    } else if (draft && (isBlank || !laidOutByServer(form))) {
      offer(form, draft);
    }
  }
})();
