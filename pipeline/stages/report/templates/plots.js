"use strict";
/* Plots: the value under the pointer, or the next one by arrow keys; saving as SVG and PNG. */

{
  const REACH = 14; // units of the SVG within which a point is found

  const svgPlace = (svg, event) => {
    const box = svg.getBoundingClientRect();
    const view = svg.viewBox.baseVal;
    return [
      ((event.clientX - box.left) / box.width) * view.width,
      ((event.clientY - box.top) / box.height) * view.height,
    ];
  };

  const cellAt = (panel, x, y) => {
    const [left, top, right, bottom] = panel.box;
    const column = Math.floor(((x - left) / (right - left)) * panel.columns.length);
    const row = Math.floor(((y - top) / (bottom - top)) * panel.rows.length);
    if (column < 0 || row < 0 || column >= panel.columns.length || row >= panel.rows.length) {
      return null;
    }
    return cell(panel, row * panel.columns.length + column);
  };

  const cell = (panel, index) => {
    const [left, top, right, bottom] = panel.box;
    const columns = panel.columns.length;
    const row = Math.floor(index / columns);
    const column = index % columns;
    return {
      x: left + ((column + 0.5) / columns) * (right - left),
      y: top + ((row + 0.5) / panel.rows.length) * (bottom - top),
      text: `${panel.rows[row]}\n${panel.columns[column]}: ${report.number(panel.values[index])}`,
    };
  };

  const point = (panel, index) => ({
    x: panel.x[index],
    y: panel.y[index],
    text: panel.label ? `${panel.label}\n${panel.texts[index]}` : panel.texts[index],
  });

  const nearest = (panels, x, y) => {
    let best = null;
    let distance = REACH * REACH;
    for (const panel of panels) {
      if (panel.box) {
        const found = cellAt(panel, x, y);
        if (found) return found;
        continue;
      }
      for (let i = 0; i < panel.x.length; i += 1) {
        const own = (panel.x[i] - x) ** 2 + (panel.y[i] - y) ** 2;
        if (own < distance) {
          distance = own;
          best = [panel, i];
        }
      }
    }
    return best && point(...best);
  };

  const count = (panel) => (panel.box ? panel.values.length : panel.x.length);

  const nth = (panels, number) => {
    for (const panel of panels) {
      if (number < count(panel)) return panel.box ? cell(panel, number) : point(panel, number);
      number -= count(panel);
    }
    return null;
  };

  for (const figure of document.querySelectorAll("figure.plot")) {
    const canvas = figure.querySelector(".canvas");
    const svg = canvas.querySelector("svg");
    let panels = null; // read when they are needed first
    let ring = null;
    let current = -1;
    const values = () => {
      panels = panels || JSON.parse(figure.querySelector(".values").textContent);
      return panels;
    };
    const show = (found) => {
      if (!found) return hide();
      if (!ring) {
        ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
        ring.setAttribute("class", "here");
        ring.setAttribute("r", 5);
        svg.append(ring);
      }
      ring.setAttribute("cx", found.x);
      ring.setAttribute("cy", found.y);
      const box = svg.getBoundingClientRect();
      const scale = box.width / svg.viewBox.baseVal.width;
      report.showTooltip(found.text, box.left + found.x * scale, box.top + found.y * scale);
      return undefined;
    };
    const hide = () => {
      if (ring) ring.remove();
      ring = null;
      report.hideTooltip();
    };
    const follow = (event) => show(nearest(values(), ...svgPlace(svg, event)));
    canvas.addEventListener("pointermove", follow);
    canvas.addEventListener("pointerdown", follow);
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("blur", hide);
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      const total = values().reduce((sum, panel) => sum + count(panel), 0);
      if (!total) return;
      current = (current + step + total) % total;
      show(nth(values(), current));
    });
    for (const button of figure.querySelectorAll("[data-save]")) {
      button.addEventListener("click", () => {
        hide();
        save(svg, figure.dataset.stem, button.dataset.save);
      });
    }
  }

  /* The SVG as a document of its own, in light colours whatever the page has. */
  const standalone = (svg) => {
    const copy = svg.cloneNode(true);
    const scheme = svg.style.colorScheme;
    svg.style.colorScheme = "light";
    const originals = svg.querySelectorAll("[style]");
    copy.querySelectorAll("[style]").forEach((element, i) => {
      const shown = getComputedStyle(originals[i]);
      for (const name of ["fill", "stroke"]) {
        if (element.style[name]) element.style[name] = shown[name];
      }
    });
    svg.style.colorScheme = scheme;
    const { width, height } = svg.viewBox.baseVal;
    copy.setAttribute("width", `${width}pt`);
    copy.setAttribute("height", `${height}pt`);
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ width, height, fill: "#ffffff" })) {
      paper.setAttribute(name, value);
    }
    copy.prepend(paper);
    return new XMLSerializer().serializeToString(copy);
  };

  const download = (source, name) => {
    const link = report.make("a", { href: source, download: name });
    document.body.append(link);
    link.click();
    link.remove();
  };

  const save = async (svg, stem, kind) => {
    const source = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg))}`;
    if (kind === "svg") return download(source, `${stem}.svg`);
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    const { width, height } = svg.viewBox.baseVal;
    canvas.width = Math.round(width * 3);
    canvas.height = Math.round(height * 3);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return download(canvas.toDataURL("image/png"), `${stem}.png`);
  };
}
