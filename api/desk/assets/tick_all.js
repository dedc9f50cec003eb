// Adds a button that ticks all boxes of a group, or none where all are ticked.
for (const group of document.querySelectorAll("[data-tick-all]")) {
  const boxes = [...group.querySelectorAll("input[type=checkbox]")];
  if (boxes.length < 2) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = group.dataset.tickAll;
  button.addEventListener("click", () => {
    const ticked = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = ticked;
  });
  group.append(button);
}
