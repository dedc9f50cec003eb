// Adds a button that ticks all boxes of a group, or none where all are ticked, and says how many are.
for (const group of document.querySelectorAll("[data-tick-all]")) {
  const boxes = [...group.querySelectorAll("input[type=checkbox]")];
  const count = document.getElementById(group.dataset.count);
  const show = () => { if (count) count.textContent = String(boxes.filter((box) => box.checked).length); };
  group.closest("form").addEventListener("input", show);
  show();
  if (boxes.length < 2) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = group.dataset.tickAll;
  button.addEventListener("click", () => {
    const ticked = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = ticked;
    group.dispatchEvent(new Event("input", { bubbles: true }));
  });
  group.append(button);
}
