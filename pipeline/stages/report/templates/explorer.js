"use strict";
/* The latent explorer: two panes, each with a model, its codes and the image that they make. */

{
  const data = report.data("explorer-data");
  const linked = document.getElementById("linked");
  const panes = [];

  /* The number of an image in a sheet: the anchor; one code moved; two codes moved. */
  const tileNumber = (model, anchor, levels) => {
    const { steps } = model;
    const own = anchor.levels;
    const moved = levels.flatMap((level, i) => (level === own[i] ? [] : [i]));
    const skip = (i) => levels[i] - (levels[i] > own[i] ? 1 : 0);
    if (moved.length === 0) return 0;
    if (moved.length === 1) return 1 + moved[0] * (steps - 1) + skip(moved[0]);
    const [first, second] = moved;
    const n = levels.length;
    const pairsBefore = first * n - (first * (first + 1)) / 2 + (second - first - 1);
    const lines = 1 + n * (steps - 1);
    return lines + pairsBefore * (steps - 1) ** 2 + skip(first) * (steps - 1) + skip(second);
  };

  const sheetNumber = (model, anchor, classes) => {
    let combination = 0;
    model.classes.forEach((one, i) => { combination = combination * one.count + classes[i]; });
    const combinations = model.classes.reduce((product, one) => product * one.count, 1);
    return anchor * combinations + combination;
  };

  const numTiles = (model, anchor) => {
    const n = model.sliders.length;
    const lines = 1 + n * (model.steps - 1);
    const pairs = (n * (n - 1)) / 2;
    return model.anchors[anchor].plane ? lines + pairs * (model.steps - 1) ** 2 : lines;
  };

  const anchorName = (i) => (i ? `draw ${i}` : "middle");

  class Pane {
    constructor(number, id) {
      this.number = number;
      this.choice = report.make("select", { onchange: () => this.open(this.choice.value) });
      report.options(this.choice, data.order.map((name) => [name, name]));
      this.body = report.make("div", { class: "pane-body" });
      const label = report.make("label", {}, number ? "Second model" : "First model", this.choice);
      this.element = report.make("section", {
        class: "pane",
        "aria-label": number ? "Second model" : "First model",
      }, label, this.body);
      this.open(id);
    }

    open(id) {
      this.id = id;
      this.choice.value = id;
      this.model = data.models[id];
      this.body.replaceChildren();
      if (this.model.sheets) this.buildCodes();
      this.swap = null;
      if (this.model.swaps) {
        this.swap = report.swap(id, this.model.swaps, (...place) => {
          const other = panes.find((pane) => pane !== this);
          if (linked.checked && other && other.swap) other.swap.choose(...place);
        });
        this.body.append(this.swap.element);
      }
    }

    buildCodes() {
      const { model } = this;
      this.anchor = 0;
      this.levels = [...model.anchors[0].levels];
      this.classes = model.classes.map(() => 0);
      this.recent = [];
      this.picture = report.make("canvas", { class: "picture", role: "img" });
      this.picture.width = model.width;
      this.picture.height = model.height;
      this.plane = this.buildPlane();
      this.fixed = report.make("p", { class: "faint fixed" });
      this.body.append(
        report.make("div", { class: "stage" }, this.picture, this.plane),
        this.buildStart(),
        ...(model.sliders.length ? [this.fixed] : []),
        ...model.classes.map((one, i) => this.buildClasses(one, i)),
        ...model.sliders.map((slider, i) => this.buildSlider(slider, i)),
      );
      if (model.sliders.length) {
        this.body.append(
          report.make("button", { type: "button", onclick: () => this.start(this.anchor) }, "Reset"),
        );
      }
      this.update();
    }

    /* Where codes depart from: the middle, or a draw. */
    buildStart() {
      const count = this.model.anchors.length;
      if (!this.model.sliders.length) {
        this.drawn = report.make("output", {}, "");
        const next = () => this.start((this.anchor + 1) % count);
        return report.make("div", { class: "controls" },
          report.make("button", { type: "button", class: "draw", onclick: next }, "Draw another z"),
          this.drawn);
      }
      return this.radios("Start from", count, anchorName, () => this.anchor, (i) => this.start(i));
    }

    buildClasses(one, i) {
      return this.radios(one.name, one.count, String, () => this.classes[i], (value) => {
        this.classes[i] = value;
        this.update();
        this.follow((other) => {
          if (other.model.classes[i] && value < other.model.classes[i].count) {
            other.classes[i] = value;
            other.sync();
            other.update();
          }
        });
      });
    }

    radios(legend, count, text, current, choose) {
      const group = `pane-${this.number}-${legend.replace(/\W/g, "-")}`;
      const inputs = [...Array(count).keys()].map((i) => report.make("input", {
        type: "radio", name: group, value: i, onchange: () => choose(i),
      }));
      inputs.forEach((input, i) => { input.checked = i === current(); });
      const set = report.make("fieldset", {}, report.make("legend", {}, legend),
        report.make("div", { class: "classes" }, ...inputs.map((input, i) =>
          report.make("label", {}, input, report.make("span", {}, text(i))))));
      set.sync = () => inputs.forEach((input, i) => { input.checked = i === current(); });
      return set;
    }

    buildSlider(slider, i) {
      const input = report.make("input", {
        type: "range", min: 0, max: this.model.steps - 1, step: 1, "aria-label": slider.name,
        oninput: () => this.move(i, Number(input.value)),
      });
      const output = report.make("output", {});
      const row = report.make("label", { class: "slider" },
        report.make("span", {}, slider.name), input, output);
      row.sync = () => {
        const level = this.levels[i];
        input.value = level;
        output.textContent = report.number(slider.values[level], 2);
        input.setAttribute("aria-valuetext", output.textContent);
        row.classList.toggle("moved", level !== this.model.anchors[this.anchor].levels[i]);
      };
      return row;
    }

    buildPlane() {
      const { model } = this;
      if (model.sliders.length < 2 || !model.anchors.some((one) => one.plane)) return null;
      const names = model.sliders.map((slider, i) => [i, slider.name]);
      this.axes = [0, 1].map((number) => {
        const select = report.make("select", {
          "aria-label": number ? "Code from top to bottom" : "Code from left to right",
          onchange: () => {
            if (this.axes[0].value === this.axes[1].value) {
              const other = (Number(select.value) + 1) % model.sliders.length;
              this.axes[1 - number].value = other;
            }
            this.moveTwo(null, null);
          },
        });
        report.options(select, names);
        select.value = model.axes[number];
        return select;
      });
      this.grid = report.make("canvas", {
        tabindex: 0, role: "img", "aria-label": "Plane of two codes; move with the arrow keys",
      });
      this.grid.width = model.width * model.steps;
      this.grid.height = model.height * model.steps;
      const point = (event) => {
        if (event.type === "pointermove" && !event.buttons) return;
        const box = this.grid.getBoundingClientRect();
        const level = (share) => Math.max(0, Math.min(model.steps - 1, Math.floor(share * model.steps)));
        this.moveTwo(level((event.clientX - box.left) / box.width),
          level((event.clientY - box.top) / box.height));
      };
      this.grid.addEventListener("pointerdown", point);
      this.grid.addEventListener("pointermove", point);
      this.grid.addEventListener("keydown", (event) => {
        const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
          ArrowDown: [0, 1] }[event.key] || [];
        if (dx === undefined) return;
        event.preventDefault();
        const [x, y] = this.axes.map((axis) => this.levels[Number(axis.value)]);
        const inside = (level) => Math.max(0, Math.min(model.steps - 1, level));
        this.moveTwo(inside(x + dx), inside(y + dy));
      });
      return report.make("div", { class: "plane" },
        report.make("div", { class: "axes" },
          report.make("label", {}, "→ ", this.axes[0]), report.make("label", {}, "↓ ", this.axes[1])),
        this.grid);
    }

    /* Move one code; those that may not be away from the anchor with it go back there. */
    move(i, level, isFollowing = false) {
      const anchor = this.model.anchors[this.anchor];
      this.levels[i] = level;
      this.recent = [i, ...this.recent.filter((one) => one !== i)];
      const allowed = anchor.plane ? 2 : 1;
      let away = 0;
      for (const one of this.recent) {
        if (this.levels[one] !== anchor.levels[one]) {
          away += 1;
          if (away > allowed) this.levels[one] = anchor.levels[one];
        }
      }
      this.sync();
      this.update();
      if (!isFollowing) {
        this.follow((other) => {
          if (i >= other.model.sliders.length) return;
          const share = level / (this.model.steps - 1);
          other.move(i, Math.round(share * (other.model.steps - 1)), true);
        });
      }
    }

    moveTwo(x, y) {
      const [first, second] = this.axes.map((axis) => Number(axis.value));
      const anchor = this.model.anchors[this.anchor];
      if (!anchor.plane) return;
      this.levels = this.levels.map((level, i) =>
        i === first || i === second ? level : anchor.levels[i]);
      if (x !== null) {
        this.levels[first] = x;
        this.levels[second] = y;
      }
      this.recent = [first, second, ...this.recent.filter((i) => i !== first && i !== second)];
      this.sync();
      this.update();
      this.follow((other) => {
        const last = other.model.sliders.length;
        if (x === null || first >= last || second >= last || !other.axes) return;
        const scale = (other.model.steps - 1) / (this.model.steps - 1);
        other.move(first, Math.round(x * scale), true);
        other.move(second, Math.round(y * scale), true);
      });
    }

    start(anchor) {
      this.anchor = anchor;
      this.levels = [...this.model.anchors[anchor].levels];
      this.recent = [];
      this.sync();
      this.update();
      this.follow((other) => {
        if (other.anchor !== anchor && anchor < other.model.anchors.length) {
          other.anchor = anchor;
          other.levels = [...other.model.anchors[anchor].levels];
          other.recent = [];
          other.sync();
          other.update();
        }
      });
    }

    follow(action) {
      const other = panes.find((pane) => pane !== this);
      if (linked.checked && other && other.model.sheets) action(other);
    }

    sync() {
      for (const part of this.body.children) if (part.sync) part.sync();
    }

    async update() {
      this.sync();
      const { model } = this;
      const anchor = model.anchors[this.anchor];
      const state = [...this.levels];
      this.state = state;
      if (this.drawn) this.drawn.textContent = `draw ${this.anchor + 1} of ${model.anchors.length}`;
      this.picture.setAttribute("aria-label", this.describe());
      this.fixed.textContent = this.describeFixed();
      const image = await report.sheet(model.sheets[sheetNumber(model, this.anchor, this.classes)]);
      if (this.state !== state) return; // moved on while the sheet was decoded
      const columns = Math.ceil(Math.sqrt(numTiles(model, this.anchor)));
      const tile = (canvas, levels, x, y) => {
        const number = tileNumber(model, anchor, levels);
        canvas.getContext("2d").drawImage(image,
          (number % columns) * model.width, Math.floor(number / columns) * model.height,
          model.width, model.height, x, y, model.width, model.height);
        return number;
      };
      this.picture.dataset.tile = tile(this.picture, state, 0, 0);
      if (this.plane) this.drawPlane(tile, state);
    }

    drawPlane(tile, state) {
      const { model } = this;
      const anchor = model.anchors[this.anchor];
      this.plane.hidden = !anchor.plane;
      if (!anchor.plane) return;
      const [first, second] = this.axes.map((axis) => Number(axis.value));
      for (let x = 0; x < model.steps; x += 1) {
        for (let y = 0; y < model.steps; y += 1) {
          const levels = [...anchor.levels];
          levels[first] = x;
          levels[second] = y;
          tile(this.grid, levels, x * model.width, y * model.height);
        }
      }
      const context = this.grid.getContext("2d");
      context.lineWidth = Math.max(2, model.width / 12);
      context.strokeStyle = "#d55e00";
      context.strokeRect(state[first] * model.width + 1, state[second] * model.height + 1,
        model.width - 2, model.height - 2);
    }

    /* Where what does not move stays, in the picture and in the plane. */
    describeFixed() {
      const anchor = this.model.anchors[this.anchor];
      const codes = this.model.sliders.map((one, i) =>
        `${one.name} ${report.number(one.values[anchor.levels[i]], 2)}`);
      const count = anchor.plane ? "two codes leave" : "one code leaves";
      return `What does not move stays as in the anchor "${anchorName(this.anchor)}" `
        + `(${codes.join(", ")}); ${count} it at a time.`;
    }

    describe() {
      const { model } = this;
      const parts = [
        ...model.classes.map((one, i) => `${one.name} ${this.classes[i]}`),
        ...model.sliders.map((one, i) => `${one.name} ${report.number(one.values[this.levels[i]], 2)}`),
      ];
      return `Image of ${this.id}: ${parts.join(", ")}`;
    }
  }

  if (data) {
    report.openExplorer = () => {
      const names = data.order;
      for (const number of names.length > 1 ? [0, 1] : [0]) {
        panes.push(new Pane(number, names[number]));
      }
      document.getElementById("panes").append(...panes.map((pane) => pane.element));
      linked.parentElement.hidden = panes.length < 2;
    };
  }
}
