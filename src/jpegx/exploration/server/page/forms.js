// Forms of the tools' parameters, and sliders whose ends are the certified bounds.

import { encoded } from "./canvas.js";

export function element(name, attributes = {}, ...children) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in found && typeof value !== "string") found[key] = value;
    else found.setAttribute(key, value);
  }
  found.append(...children);
  return found;
}

export function number(value, digits = 2) {
  return value === null || value === undefined ? "–" : Number(value).toFixed(digits);
}

// Certified ends, rounded so that no more is said than is certified.
export function ends(least, most) {
  const told = [];
  if (least != null) told.push(`< ${(Math.floor(100 * least) / 100).toFixed(2)}`);
  if (most != null) told.push(`> ${(Math.ceil(100 * most) / 100).toFixed(2)}`);
  return told;
}

export class Form {
  constructor(form, view) {
    this.form = form;
    this.view = view;
    this.source = null; // a promise of a region kept as a source
  }

  show(tool) {
    this.tool = tool;
    const fields = tool.parameters.filter((p) => p.name !== "strokes").map((p) => this.field(p));
    if (tool.overs.length > 1) {
      const choices = tool.overs.map((over) => element("option", {}, over));
      fields.push(element("label", { title: "What is varied" }, "over", element("select", { name: "over" }, element("option", { value: "" }, "best"), ...choices)));
    }
    fields.push(element("label", {}, "seed", element("input", { name: "seed", type: "number", min: "0", value: "0" })));
    const several = tool.several ? "4" : "1";
    fields.push(element("label", {}, "pictures", element("input", { name: "alternatives", type: "number", min: "1", max: "8", value: several })));
    this.form.replaceChildren(...fields);
  }

  field(parameter) {
    const { name, kind } = parameter;
    const common = { name: `p-${name}`, title: parameter.help };
    let control;
    if (kind === "flag") control = element("input", { ...common, type: "checkbox" });
    else if (kind === "choice") {
      control = element("select", common, ...parameter.choices.map((c) => element("option", { selected: c === parameter.default }, c)));
    } else if (kind === "image") control = element("input", { ...common, type: "file", accept: "image/*" });
    else if (kind === "region") {
      control = element("button", { ...common, type: "button" }, this.source ? "taken" : "take this region");
      control.addEventListener("click", async () => {
        this.source = this.view.region(false, "none");
        control.textContent = (await this.source) ? "taken" : "draw it first";
      });
    } else if (kind === "number") {
      control = element("input", { ...common, type: "number", step: "any", min: String(parameter.least), max: String(parameter.most), value: String(parameter.default ?? "") });
    } else control = element("input", { ...common, value: parameter.default ?? "", placeholder: kind === "periods" ? "7.5,0 0,6" : parameter.choices.join(", ") });
    return element("label", { title: parameter.help }, name, control);
  }

  // The values as the server reads them. Throws an Error that says what is missing.
  async values() {
    const found = {};
    for (const { name, kind } of this.tool.parameters) {
      const control = this.form.elements[`p-${name}`];
      if (name === "strokes") {
        const drawn = await this.view.drawn();
        if (!drawn) throw new Error("draw strokes first");
        found[name] = { png: drawn.png };
      } else if (kind === "flag") found[name] = control.checked;
      else if (kind === "region") found[name] = await this.source;
      else if (kind === "image") {
        const [file] = control.files;
        if (file) found[name] = { png: await picture(file) };
      } else if (kind === "periods") {
        const words = control.value.split(/\s+/).filter(Boolean);
        found[name] = words.length ? words.map((word) => word.split(",").map(Number)) : null;
      } else if (kind === "choice") found[name] = control.value;
      else if (control.value !== "") found[name] = isNaN(Number(control.value)) ? control.value : Number(control.value);
    }
    return found;
  }

  more() {
    const { over, seed, alternatives } = this.form.elements;
    return { over: over?.value || null, seed: Number(seed.value) || 0, alternatives: Number(alternatives.value) || 1 };
  }
}

async function picture(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.max(1, bitmap.width * scale), Math.max(1, bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return encoded(canvas);
}

const WIDEST = 127.5; // the standard deviation that samples from 0 to 255 have at most

// Sliders for the means of components and the deviation of Y: nobody can ask for what the file forbids.
export function sliders(place, rows, ask) {
  const asked = rows.filter((row) => row.quantity.startsWith("mean ") || row.quantity === "std Y");
  place.replaceChildren(...asked.map((row) => {
    const most = row.most ?? WIDEST;
    const [below, above] = ends(row.least, most);
    const slider = element("input", {
      type: "range", step: "0.05", min: String(row.least), max: String(most), value: String(row.now),
      "aria-label": row.quantity, "data-quantity": row.quantity,
    });
    const now = element("output", {}, number(row.now));
    slider.addEventListener("input", () => (now.textContent = number(slider.value)));
    slider.addEventListener("change", () => ask(row, Number(slider.value)));
    return element("div", { class: "slider" }, element("div", { class: "ends" }, row.quantity, now), slider,
      element("div", { class: "ends" },
        element("span", { class: "cannot", title: "certified: not below" }, below.slice(2)),
        element("span", { class: "cannot", title: "certified: not above" }, above.slice(2))));
  }));
}
