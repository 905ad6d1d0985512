"use strict";
// Enlarges the crops, shows their luma or chroma, and blinks the panels of one place.
const find = (id) => document.getElementById(id);
const root = document.body;
const dialog = find("blink");
let panels = []; // of the place that is open: {name, source, width, kind, choice}
let shown = 0;
let timer = 0;

// The controls stand above the crops of every data set; all of them say the same.
function enlarge(times) {
  root.style.setProperty("--zoom", times);
  for (const zoom of document.querySelectorAll(".zoom")) zoom.value = times;
  for (const said of document.querySelectorAll(".times")) said.value = "×" + times;
}

function look(at) {
  root.dataset.view = at;
  for (const view of document.querySelectorAll(".view")) view.value = at;
}

function display(index) {
  shown = index;
  const stage = find("stage");
  stage.src = panels[index].source;
  stage.alt = panels[index].name;
  stage.className = panels[index].kind;
  stage.style.setProperty("--width", panels[index].width);
  find("stage-name").textContent = panels[index].name;
}

function step(way) {
  const chosen = panels.filter((panel) => panel.choice.checked);
  if (!chosen.length) return;
  let index = shown;
  do {
    index = (index + way + panels.length) % panels.length;
  } while (!panels[index].choice.checked);
  display(index);
}

function run() {
  clearInterval(timer);
  const pause = Number(find("pause").value);
  find("seconds").value = (pause / 1000).toFixed(1) + " s";
  if (dialog.open && find("running").checked) timer = setInterval(() => step(1), pause);
}

function open(place) {
  find("blink-title").textContent = place.querySelector("h4").firstChild.textContent;
  const choices = find("choices");
  choices.replaceChildren();
  panels = [...place.querySelectorAll("img")].map((image) => {
    const label = document.createElement("label");
    const choice = document.createElement("input");
    choice.type = "checkbox";
    // Samples blink against the original; means and what is measured when they are asked for.
    choice.checked = !image.className && !/: (sample 1|mean)$/.test(image.alt);
    label.append(choice, image.alt);
    choices.append(label);
    return { name: image.alt, source: image.src, width: image.style.getPropertyValue("--width"),
      kind: image.className, choice };
  });
  find("running").checked = true;
  dialog.showModal();
  display(0);
  run();
}

for (const zoom of document.querySelectorAll(".zoom")) {
  zoom.addEventListener("input", () => enlarge(zoom.value));
}
for (const view of document.querySelectorAll(".view")) {
  view.addEventListener("change", () => look(view.value));
}
find("running").addEventListener("change", run);
find("pause").addEventListener("input", run);
dialog.addEventListener("close", run);
dialog.addEventListener("keydown", (event) => {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (event.target.type === "range" || (event.key !== " " && !way)) return;
  if (event.key === " " && event.target.type === "checkbox") return;
  event.preventDefault();
  find("running").checked = event.key === " " && !find("running").checked;
  run();
  if (way) step(way);
});
for (const place of document.querySelectorAll(".place")) {
  place.querySelector("button").addEventListener("click", () => open(place));
}
enlarge(2);
look("picture");
