// Beside each part of a meeting's programme, the hours at which it is held, as they are typed.
(function () {
  "use strict";
  const start = document.getElementById("debut");
  const rows = Array.from(document.querySelectorAll(".agenda-row"));
  if (!start || !rows.length) return;
  const hour = (minutes) =>
    String(Math.floor(minutes / 60) % 24).padStart(2, "0") + ":" + String(minutes % 60).padStart(2, "0");
  const shown = rows.map((row) => {
    const place = document.createElement("p");
    place.className = "hint hours";
    row.append(place);
    return place;
  });
  function show() {
    const [hours, minutes] = start.value.split(":").map(Number);
    let at = hours * 60 + (minutes || 0);
    rows.forEach((row, index) => {
      const [title, length] = row.querySelectorAll("input");
      const last = at + (parseInt(length.value, 10) || 0);
      const known = Number.isFinite(at) && title.value.trim() && last > at;
      shown[index].textContent = known ? hour(at) + " – " + hour(last) : "";
      if (known) at = last;
    });
  }
  document.addEventListener("input", show);
  show();
})();
