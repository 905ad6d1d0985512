// jpegx explore: the page.

import { get, lastOnly, post } from "./asks.js";
import { View } from "./canvas.js";
import { Form, element, ends, number, sliders } from "./forms.js";

const $ = (id) => document.getElementById(id);
let state = null;
let view = null;
let form = null;
let tools = [];
let ended = 0; // the last job whose outcome was told
let exported = null; // the step that was exported last, and how many coefficients differ

function tell(error) {
  $("error").textContent = error.message;
}

// What the page does by itself: what the user was told stays.
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    tell(error);
  }
}

// What the user does: what was told before is done with.
function act(work) {
  tell({ message: "" });
  return attempt(work);
}

const lastPictures = lastOnly();
const lastBounds = lastOnly();
const lastState = lastOnly();

async function bitmap(step, box, scale) {
  const answer = await get(`picture/${step}.png?box=${box.join(",")}&scale=${scale}`);
  return createImageBitmap(await answer.blob());
}

async function load() {
  const part = view.part();
  if (!part) return;
  const other = $("compare").value === "none" && !view.showOther ? null : Number($("other").value);
  const load = async (step) => ({ box: part.box, bitmap: await bitmap(step, part.box, part.scale) });
  const found = await lastPictures(() => Promise.all([load(state.head), other === null ? null : load(other)]));
  if (!found) return;
  view.images = { head: found[0], other: found[1] };
  view.draw();
}

let waiting = null;
function wanted() {
  clearTimeout(waiting);
  waiting = setTimeout(() => attempt(load), 60);
  $("zoom").textContent = view.zoom >= 1 ? `${view.zoom}×` : `1/${Math.round(1 / view.zoom)}`;
}

const drawn = () => view.region($("invert").checked, $("snap").value);

async function bounds() {
  const box = view.single();
  if (box && document.activeElement !== $("place")) $("place").value = `${box[0]},${box[1]},${box[2]}x${box[3]}`;
  const found = await lastBounds(async () => {
    const region = await drawn();
    return region ? post("bounds", { region }) : { rows: [] };
  });
  if (!found) return;
  const [width, height] = state.file.unit;
  $("told").textContent = found.region ? `Your region is inside ${found.units} units (MCUs) of ${width}×${height}; only they change.` : "";
  $("where").textContent = found.region ? `${found.region}: certified, for every picture that libjpeg could have made the file from` : "Draw a region.";
  sliders($("sliders"), found.rows, (row, to) => act(() => (row.quantity === "std Y"
    ? step("variance", { strength: to - row.now, whole: true }, {})
    : step("level", { component: row.quantity.slice(5), to }, {}))));
  $("certified").tBodies[0].replaceChildren(...found.rows.map((row) => element("tr", {},
    element("td", { class: "cannot" }, "cannot"), element("td", {}, row.quantity),
    element("td", {}, ends(row.least, row.most).join(", ")))));
}

async function step(tool, parameters, more) {
  const region = tool === "scribble" ? { shapes: [{ rectangle: (await view.drawn()).rectangle }] } : await drawn();
  if (!region) throw new Error("draw a region first");
  await post("step", { tool, region, parameters, from: state.head, ...more });
  if (tool === "scribble") view.strokes = null;
}

// The region of the step that is compared with.
async function copy() {
  const region = await drawn();
  if (!region) throw new Error("draw a region first");
  await post("copy", { from: Number($("other").value), region });
}

function badge() {
  const saved = exported?.head === state.head;
  const different = saved ? exported.different : state.different;
  const parts = saved || state.made ? "" : " (the rest of the picture is being made exact)";
  const exact = different ? `not exact: ${different} coefficients differ` : `exact: 0 differ${parts}`;
  $("badge").textContent = saved ? `exported, ${exact}` : exact;
  $("badge").classList.toggle("bad", different > 0);
}

let working = null; // the number of the job
function busy(job) {
  working = job?.number ?? null;
  $("busy").hidden = !job;
  $("apply").disabled = Boolean(job);
  if (!job) {
    view.preview = null;
    return;
  }
  $("what").textContent = job.what;
  $("share").value = job.share;
}

function history() {
  const depth = { 0: 0 };
  const names = Object.fromEntries(Object.entries(state.bookmarks).map(([name, id]) => [id, name]));
  const entry = (id, text) => {
    const button = element("button", { "aria-current": String(id === state.head) }, `${"· ".repeat(depth[id])}${id} ${text}${names[id] ? ` [${names[id]}]` : ""}`);
    button.addEventListener("click", () => act(() => post("head", { id })));
    return element("li", {}, button);
  };
  const items = [entry(0, "start")];
  for (const one of state.steps) {
    depth[one.id] = depth[one.parent] + 1;
    items.push(entry(one.id, `${one.tool} ${number(one.numbers.before)} → ${number(one.numbers.after)}`));
  }
  $("history").replaceChildren(...items);
  const chosen = $("other").value || "0";
  $("other").replaceChildren(...[0, ...state.steps.map((s) => s.id)].map((id) =>
    element("option", { value: String(id), selected: String(id) === chosen }, id ? `step ${id}` : "start")));
}

function siblings() {
  const now = state.steps.find((one) => one.id === state.head);
  return now ? state.steps.filter((one) => one.parent === now.parent).slice(-8) : [];
}

function alternatives() {
  const found = siblings();
  $("alternatives").replaceChildren(...found.map((one, index) => {
    const image = element("img", { alt: `step ${one.id}: ${one.tool}`, src: `picture/${one.id}.png?box=${one.box.join(",")}&scale=1` });
    const button = element("button", { role: "option", title: `key ${index + 1}`, "aria-selected": String(one.id === state.head), "aria-pressed": String(one.id === state.head) }, image, `${index + 1}: ${one.tool}`);
    button.addEventListener("click", () => act(() => post("head", { id: one.id })));
    return button;
  }));
}

function told() {
  const now = state.steps.find((one) => one.id === state.head);
  const rows = [];
  for (const said of now?.statements ?? []) {
    const value = said.kind === "cannot" ? ends(said.least, said.most).join(", ") : number(said.value);
    rows.push([said.kind, said.quantity, value]);
  }
  for (const [key, value] of Object.entries(now?.numbers ?? {})) rows.push(["", key.replaceAll("_", " "), typeof value === "number" ? number(value, Number.isInteger(value) ? 0 : 2) : String(value)]);
  for (const note of now?.notes ?? []) rows.push(["", note, ""]);
  $("step").tBodies[0].replaceChildren(...rows.map(([kind, key, value]) => element("tr", {},
    element("td", { class: kind }, kind), element("td", {}, key), element("td", {}, value))));
}

async function refresh() {
  const found = await lastState(async () => (await get("state")).json());
  if (!found) return;
  const moved = found.head !== state.head;
  state = found;
  badge();
  busy(state.job);
  history();
  alternatives();
  told();
  if (state.ended !== ended && state.message) tell(state);
  ended = state.ended;
  wanted();
  if (moved) await bounds();
}

async function preview(job) {
  const answer = await get("preview");
  if (answer.status !== 200 || !job.box) return;
  const found = await createImageBitmap(await answer.blob());
  if (working !== job.number) return; // it has ended meanwhile
  view.preview = { box: [job.box[0], job.box[1], found.width, found.height], bitmap: found };
  view.draw();
}

async function save() {
  const { head } = state;
  const answer = await get(`export/${head}.png`);
  const link = element("a", { download: `${state.file.name.split("/").pop().replace(/\.[^.]*$/, "")}_step${head}.png`, href: URL.createObjectURL(await answer.blob()) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers begin to read it later
  exported = { head, different: Number(answer.headers.get("x-different")) };
  badge();
}

function keys(event) {
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  const control = event.ctrlKey || event.metaKey;
  if (control && event.key.toLowerCase() === "z") return run(event, () => post(event.shiftKey ? "redo" : "undo"));
  if (control && event.key.toLowerCase() === "y") return run(event, () => post("redo"));
  if (event.key === "Escape") return run(event, () => post("cancel"));
  if (typing || control) return;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.target === $("canvas") && arrows[event.key]) {
    event.preventDefault();
    const [dx, dy] = arrows[event.key];
    const box = view.single() ?? [Math.floor(state.file.width / 2), Math.floor(state.file.height / 2), 16, 16];
    view.setBox(event.shiftKey ? [box[0], box[1], box[2] + dx, box[3] + dy] : [box[0] + dx, box[1] + dy, box[2], box[3]]);
  } else if (event.target === $("canvas") && event.key === "Enter") view.closePolygon();
  else if (event.key === " " && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    if (!view.showOther) original(true);
  } else if (event.key === "g") $("grid").click();
  else if (event.key === "c") act(copy);
  else if (event.key === "+" || event.key === "-") view.setZoom(view.zoom * (event.key === "+" ? 2 : 0.5));
  else if (/^[1-8]$/.test(event.key)) {
    const found = siblings()[Number(event.key) - 1];
    if (found) act(() => post("head", { id: found.id }));
  }
}

function run(event, work) {
  event.preventDefault();
  act(work);
}

let before = "0";
function original(shown) {
  if (shown) before = $("other").value;
  $("other").value = shown ? "0" : before;
  view.showOther = shown;
  attempt(load);
}

let blinking = null;
function comparing() {
  view.compare = $("compare").value;
  $("swipe").hidden = view.compare !== "swipe";
  clearInterval(blinking);
  view.showOther = false;
  if (view.compare === "blink") blinking = setInterval(() => { view.showOther = !view.showOther; view.draw(); }, 500);
  attempt(load);
}

async function begin() {
  [state, tools] = await Promise.all([get("state"), get("tools")].map(async (answer) => (await answer).json()));
  $("name").textContent = `${state.file.name} · ${state.file.width}×${state.file.height} · ${state.file.model}`;
  $("doubts").textContent = state.file.doubts.join(" ");
  ended = state.ended;
  view = new View($("canvas"), state.file, () => act(bounds));
  view.wanted = wanted;
  form = new Form($("form"), view);
  $("tool").replaceChildren(...tools.filter((t) => t.name !== "copy").map((t) => element("option", {}, t.name)));
  const choose = () => {
    const tool = tools.find((t) => t.name === $("tool").value);
    $("summary").textContent = tool.summary;
    form.show(tool);
  };
  $("tool").addEventListener("change", choose);
  choose();
  for (const button of document.querySelectorAll("[data-shape]")) {
    button.addEventListener("click", () => {
      view.shape = button.dataset.shape;
      for (const other of document.querySelectorAll("[data-shape]")) other.setAttribute("aria-pressed", String(other === button));
    });
  }
  $("apply").addEventListener("click", () => act(async () => step(form.tool.name, await form.values(), form.more())));
  $("form").addEventListener("submit", (event) => { event.preventDefault(); $("apply").click(); });
  $("cancel").addEventListener("click", () => act(() => post("cancel")));
  $("copy").addEventListener("click", () => act(copy));
  $("undo").addEventListener("click", () => act(() => post("undo")));
  $("redo").addEventListener("click", () => act(() => post("redo")));
  $("bookmark").addEventListener("click", () => act(() => post("bookmark", { name: $("mark").value })));
  $("export").addEventListener("click", () => act(save));
  $("in").addEventListener("click", () => view.setZoom(view.zoom * 2));
  $("out").addEventListener("click", () => view.setZoom(view.zoom / 2));
  $("fit").addEventListener("click", () => view.fit());
  $("grid").addEventListener("change", () => { view.grid = $("grid").checked; view.draw(); });
  $("size").addEventListener("change", () => (view.brush = Number($("size").value)));
  $("colour").addEventListener("change", () => (view.colour = $("colour").value));
  $("invert").addEventListener("change", () => act(bounds));
  $("snap").addEventListener("change", () => act(bounds));
  $("clear").addEventListener("click", () => view.clear());
  $("place").addEventListener("change", () => {
    const found = /^\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*x\s*(\d+)\s*$/.exec($("place").value);
    if (found) {
      view.setBox(found.slice(1).map(Number));
      const [x, y, w, h] = view.single();
      $("place").value = `${x},${y},${w}x${h}`; // what is meant, inside the picture
    } else tell({ message: "a region is written x,y,WxH" });
  });
  $("compare").addEventListener("change", comparing);
  $("other").addEventListener("change", () => attempt(load));
  $("swipe").addEventListener("input", () => { view.swipe = $("swipe").value / 1000; view.draw(); });
  addEventListener("keydown", keys);
  addEventListener("keyup", (event) => { if (event.key === " " && view.showOther && view.compare !== "blink") original(false); });
  view.fit();
  await refresh();
  const events = new EventSource("events");
  events.onmessage = (event) => {
    const now = JSON.parse(event.data);
    busy(now.job);
    if (now.version !== state.version) attempt(refresh);
    else if (now.job) attempt(() => preview(now.job));
  };
  document.body.dataset.ready = "yes";
}

attempt(begin);
