// The picture: view, grids, and the region or strokes that are drawn on it.

export class View {
  constructor(canvas, file, changed) {
    this.canvas = canvas;
    this.file = file;
    this.changed = changed; // the region has changed
    this.zoom = 1;
    this.x = this.y = 0; // of the picture, at the upper left corner
    this.shape = "rectangle";
    this.brush = 6;
    this.colour = "#c83c28";
    this.grid = false;
    this.compare = "none";
    this.swipe = 0.5;
    this.images = { head: null, other: null };
    this.preview = null;
    this.showOther = false;
    this.shapes = []; // finished: {kind, ...}
    this.mask = null; // a canvas of the picture's size, made when the brush is first used
    this.strokes = null;
    this.points = []; // of a polygon under way
    this.drag = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.up());
    canvas.addEventListener("dblclick", () => this.closePolygon());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const at = this.at(event);
      this.setZoom(this.zoom * (event.deltaY < 0 ? 2 : 0.5), at);
    }, { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  fit() {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const scale = Math.min(w / this.file.width, h / this.file.height);
    this.zoom = scale >= 1 ? Math.min(16, Math.floor(scale)) : 1 / Math.ceil(1 / scale);
    this.x = (this.file.width - w / this.zoom) / 2;
    this.y = (this.file.height - h / this.zoom) / 2;
    this.moved();
  }

  setZoom(zoom, at) {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const to = Math.min(16, Math.max(1 / 64, zoom >= 1 ? Math.round(zoom) : 1 / Math.round(1 / zoom)));
    const [x, y] = at || [this.x + w / this.zoom / 2, this.y + h / this.zoom / 2];
    this.x = x - ((x - this.x) * this.zoom) / to;
    this.y = y - ((y - this.y) * this.zoom) / to;
    this.zoom = to;
    this.moved();
  }

  // The part that is seen, in whole pixels, and by how much it is reduced.
  part() {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const scale = this.zoom >= 1 ? 1 : Math.round(1 / this.zoom);
    const left = Math.max(0, Math.floor(this.x / scale) * scale);
    const top = Math.max(0, Math.floor(this.y / scale) * scale);
    const right = Math.min(this.file.width, Math.ceil(this.x + w / this.zoom) + scale);
    const bottom = Math.min(this.file.height, Math.ceil(this.y + h / this.zoom) + scale);
    if (right <= left || bottom <= top) return null;
    return { box: [left, top, right - left, bottom - top], scale };
  }

  moved() {
    this.draw();
    this.wanted?.();
  }

  at(event) {
    const rect = this.canvas.getBoundingClientRect();
    return [this.x + (event.clientX - rect.left) / this.zoom, this.y + (event.clientY - rect.top) / this.zoom];
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.at(event);
    if (event.button === 1 || event.altKey) {
      this.drag = { kind: "pan", from: [event.clientX, event.clientY], x: this.x, y: this.y };
    } else if (this.shape === "polygon") {
      this.points.push(at.map((v) => Math.round(v * 10) / 10));
    } else if (["brush", "eraser", "stroke"].includes(this.shape)) {
      this.drag = { kind: "paint", last: at };
      this.paint(at, at);
    } else {
      const box = this.single();
      const inside = box && at[0] >= box[0] && at[1] >= box[1] && at[0] < box[0] + box[2] && at[1] < box[1] + box[3];
      this.drag = inside && !event.shiftKey
        ? { kind: "shift", from: at, box }
        : { kind: "box", from: at, more: event.shiftKey };
      if (!inside && !event.shiftKey) this.shapes = [];
    }
    this.draw();
  }

  move(event) {
    if (!this.drag) return;
    const at = this.at(event);
    const drag = this.drag;
    if (drag.kind === "pan") {
      this.x = drag.x - (event.clientX - drag.from[0]) / this.zoom;
      this.y = drag.y - (event.clientY - drag.from[1]) / this.zoom;
      this.moved();
      return;
    }
    if (drag.kind === "paint") {
      this.paint(drag.last, at);
      drag.last = at;
    } else if (drag.kind === "shift") {
      const [x, y, w, h] = drag.box;
      this.setBox([x + Math.round(at[0] - drag.from[0]), y + Math.round(at[1] - drag.from[1]), w, h], true);
    } else {
      const x0 = Math.floor(Math.min(at[0], drag.from[0]));
      const y0 = Math.floor(Math.min(at[1], drag.from[1]));
      const x1 = Math.ceil(Math.max(at[0], drag.from[0]));
      const y1 = Math.ceil(Math.max(at[1], drag.from[1]));
      drag.box = [x0, y0, Math.max(1, x1 - x0), Math.max(1, y1 - y0)];
    }
    this.draw();
  }

  up() {
    const drag = this.drag;
    this.drag = null;
    if (!drag || drag.kind === "pan") return;
    if (drag.kind === "box" && drag.box) this.shapes.push({ kind: this.shape, box: drag.box });
    this.draw();
    this.changed();
  }

  paint(from, to) {
    const stroke = this.shape === "stroke";
    const name = stroke ? "strokes" : "mask";
    if (!this[name]) this[name] = new OffscreenCanvas(this.file.width, this.file.height);
    const pen = this[name].getContext("2d");
    pen.globalCompositeOperation = this.shape === "eraser" ? "destination-out" : "source-over";
    pen.strokeStyle = stroke ? this.colour : "#fff";
    pen.lineWidth = this.brush;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(to[0] + 0.01, to[1]);
    pen.stroke();
    this.draw();
  }

  closePolygon() {
    if (this.points.length > 2) this.shapes.push({ kind: "polygon", points: this.points });
    this.points = [];
    this.draw();
    this.changed();
  }

  // The box of the one rectangle or ellipse, or null.
  single() {
    const [only] = this.shapes;
    return this.shapes.length === 1 && only.box ? only.box : null;
  }

  setBox(box, quiet) {
    const kind = this.shapes.length === 1 && this.shapes[0].box ? this.shapes[0].kind : "rectangle";
    const width = Math.max(1, Math.min(box[2], this.file.width));
    const height = Math.max(1, Math.min(box[3], this.file.height));
    const x = Math.max(0, Math.min(box[0], this.file.width - width));
    const y = Math.max(0, Math.min(box[1], this.file.height - height));
    this.shapes = [{ kind, box: [x, y, width, height] }];
    this.draw();
    if (!quiet) this.changed();
  }

  clear() {
    this.shapes = [];
    this.points = [];
    this.mask = this.strokes = null;
    this.draw();
    this.changed();
  }

  // The region as the server reads it; null where nothing is drawn.
  async region(invert, snap) {
    const shapes = this.shapes.map((shape) => shape.box
      ? { [shape.kind]: `${shape.box[0]},${shape.box[1]},${shape.box[2]}x${shape.box[3]}` }
      : { polygon: shape.points.map((p) => p.join(",")).join(" ") });
    if (this.mask) shapes.push({ mask: await encoded(this.mask) });
    return shapes.length ? { shapes, invert, snap } : null;
  }

  // The strokes, cut to where there are some: their picture and their rectangle.
  async drawn() {
    if (!this.strokes) return null;
    const { width, height } = this.strokes;
    const { data } = this.strokes.getContext("2d").getImageData(0, 0, width, height);
    let [x0, y0, x1, y1] = [width, height, -1, -1];
    for (let i = 3, p = 0; i < data.length; i += 4, p++) {
      if (!data[i]) continue;
      const x = p % width;
      const y = (p / width) | 0;
      x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
    }
    if (x1 < 0) return null;
    const cut = new OffscreenCanvas(x1 - x0 + 1, y1 - y0 + 1);
    cut.getContext("2d").drawImage(this.strokes, -x0, -y0);
    return { png: await encoded(cut), rectangle: `${x0},${y0},${x1 - x0 + 1}x${y1 - y0 + 1}` };
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = this.canvas;
    if (this.canvas.width !== Math.round(w * ratio)) this.canvas.width = Math.round(w * ratio);
    if (this.canvas.height !== Math.round(h * ratio)) this.canvas.height = Math.round(h * ratio);
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    pen.imageSmoothingEnabled = false;
    const { head, other } = this.images;
    const mode = other ? this.compare : "none";
    this.put(pen, this.showOther && other ? other : head, mode === "side" ? [0, w / 2] : null);
    if (mode === "swipe") this.put(pen, other, [0, w * this.swipe]);
    if (mode === "side") this.put(pen, other, [w / 2, w], w / 2);
    if (mode === "difference" && head) {
      pen.globalCompositeOperation = "difference";
      this.put(pen, other);
      pen.globalCompositeOperation = "color-dodge";
      pen.fillStyle = "#dfdfdf"; // 1 / (1 - 7/8) = 8
      pen.fillRect(0, 0, w, h);
      pen.globalCompositeOperation = "source-over";
    }
    if (this.preview) this.put(pen, this.preview);
    if (this.grid) this.lines(pen, w, h);
    this.outline(pen);
  }

  put(pen, image, clip, shift = 0) {
    if (!image) return;
    const [x, y, width, height] = image.box;
    pen.save();
    if (clip) {
      pen.beginPath();
      pen.rect(clip[0], 0, clip[1] - clip[0], this.canvas.clientHeight);
      pen.clip();
    }
    pen.drawImage(image.bitmap, (x - this.x) * this.zoom + shift, (y - this.y) * this.zoom, width * this.zoom, height * this.zoom);
    pen.restore();
  }

  lines(pen, w, h) {
    const [across, down] = this.file.unit;
    const grids = [[8, 8, "#8886"], [across, down, "#f90a"]];
    if (this.zoom >= 8) grids.unshift([1, 1, "#8883"]);
    for (const [dx, dy, style] of grids) {
      if (dx * this.zoom < 4) continue;
      pen.strokeStyle = style;
      pen.lineWidth = 1;
      pen.beginPath();
      for (let x = Math.ceil(Math.max(0, this.x) / dx) * dx; x <= Math.min(this.file.width, this.x + w / this.zoom); x += dx) {
        const at = Math.round((x - this.x) * this.zoom) + 0.5;
        pen.moveTo(at, 0);
        pen.lineTo(at, h);
      }
      for (let y = Math.ceil(Math.max(0, this.y) / dy) * dy; y <= Math.min(this.file.height, this.y + h / this.zoom); y += dy) {
        const at = Math.round((y - this.y) * this.zoom) + 0.5;
        pen.moveTo(0, at);
        pen.lineTo(w, at);
      }
      pen.stroke();
    }
  }

  outline(pen) {
    const place = ([x, y]) => [(x - this.x) * this.zoom, (y - this.y) * this.zoom];
    const shapes = [...this.shapes];
    if (this.drag?.box && this.drag.kind === "box") shapes.push({ kind: this.shape, box: this.drag.box });
    if (this.points.length) shapes.push({ points: this.points, open: true });
    for (const layer of [this.mask && [this.mask, 0.35], this.strokes && [this.strokes, 0.9]]) {
      if (!layer) continue;
      pen.globalAlpha = layer[1];
      pen.drawImage(layer[0], -this.x * this.zoom, -this.y * this.zoom, this.file.width * this.zoom, this.file.height * this.zoom);
      pen.globalAlpha = 1;
    }
    for (const [style, dash] of [["#000", []], ["#fff", [5, 5]]]) {
      pen.strokeStyle = style;
      pen.lineWidth = 1.5;
      pen.setLineDash(dash);
      for (const shape of shapes) {
        pen.beginPath();
        if (shape.points) {
          shape.points.forEach((p, i) => (i ? pen.lineTo(...place(p)) : pen.moveTo(...place(p))));
          if (!shape.open) pen.closePath();
        } else {
          const [x, y] = place(shape.box);
          const [w, h] = [shape.box[2] * this.zoom, shape.box[3] * this.zoom];
          if (shape.kind === "ellipse") pen.ellipse(x + w / 2, y + h / 2, w / 2, h / 2, 0, 0, 7);
          else pen.rect(x, y, w, h);
        }
        pen.stroke();
      }
    }
    pen.setLineDash([]);
  }
}

export async function encoded(canvas) {
  const blob = await canvas.convertToBlob({ type: "image/png" });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}
