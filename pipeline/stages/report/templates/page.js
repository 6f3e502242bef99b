"use strict";
/* What the other scripts share: elements, numbers, the tooltip, the theme. */

const report = {};

report.data = (id) => {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
};

/* An element with attributes and children; texts are never read as HTML. */
report.make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
};

report.number = (value, digits = 3) =>
  value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−");

report.options = (select, texts) => {
  select.replaceChildren(...texts.map(([value, text]) => report.make("option", { value }, text)));
};

/* A sheet of images: cut into tiles once it is decoded. */
report.sheets = new Map();
report.sheet = (source) => {
  if (!report.sheets.has(source)) {
    const image = new Image();
    image.src = source;
    report.sheets.set(source, image.decode().then(() => image));
  }
  return report.sheets.get(source);
};

report.tooltip = document.getElementById("tooltip");
report.beside = report.tooltip.dataset.beside; // of links to files that do not travel with the page
report.showTooltip = (text, x, y) => {
  const tooltip = report.tooltip;
  if (tooltip.textContent !== text) tooltip.textContent = text;
  tooltip.hidden = false;
  const box = tooltip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? Math.max(4, x - 14 - box.width) : x + 14;
  const top = y + 14 + box.height > innerHeight ? Math.max(4, y - 10 - box.height) : y + 14;
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${top}px`;
};
report.hideTooltip = () => { report.tooltip.hidden = true; };

{
  const theme = document.getElementById("theme");
  theme.addEventListener("change", () => {
    document.documentElement.style.colorScheme = theme.value;
  });
}
