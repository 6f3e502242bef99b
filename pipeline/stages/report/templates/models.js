"use strict";
/* A part for each model: what differs in its configuration, its metrics, its samples. */

{
  const { models } = report.data("models-data");
  const choice = document.getElementById("model-choice");
  const place = document.getElementById("model-part");
  const names = models.map((model) => model.id);
  report.options(choice, names.map((name) => [name, name]));

  const table = (label, head, rows) =>
    report.make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
      report.make("table", {},
        report.make("thead", {}, report.make("tr", {}, ...head.map((text, i) =>
          report.make("th", { scope: "col", class: i < 1 ? "text" : null }, text)))),
        report.make("tbody", {}, ...rows.map((cells) => report.make("tr", {}, ...cells.map((text, i) =>
          report.make(i ? "td" : "th", i ? {} : { scope: "row", class: "text" }, text)))))));

  const facts = (model) => {
    const pairs = [["Setting", model.setting], ["Method", model.method], ["Seed", String(model.seed)],
      ["Networks", model.export], ["Status", model.status]];
    if (model.iteration !== undefined) pairs.push(["Iterations", model.iteration.toLocaleString("en")]);
    if (model.parameters !== undefined) {
      pairs.push(["Parameters", model.parameters.toLocaleString("en")]);
    }
    if (model.informative !== undefined) pairs.push(["Informative codes", String(model.informative)]);
    if (model.train_seconds !== undefined) {
      pairs.push(["Training, minutes", report.number(model.train_seconds / 60, 1)]);
    }
    return report.make("dl", { class: "facts" }, ...pairs.map(([what, value]) =>
      report.make("div", {}, report.make("dt", {}, what), report.make("dd", {}, value))));
  };

  const metrics = (id) => {
    const { board } = report;
    const rows = [];
    for (const row of board.rows.filter((one) => one.id === id)) {
      for (const [i, cell] of Object.entries(row.cells)) {
        const metric = board.metrics[Number(i)];
        const interval = cell.length === 3 ? `${report.number(cell[1])} – ${report.number(cell[2])}` : "–";
        const protocol = row.variant ? `${metric.protocol}, ${row.variant}` : metric.protocol;
        rows.push([metric.name, protocol, report.number(cell[0]), interval]);
      }
    }
    return rows.length ? table(`Metrics of ${id}`, ["Metric", "Protocol", "Value", "Interval"], rows)
      : report.make("p", { class: "faint" }, "It was not scored.");
  };

  const samples = (model) => {
    if (!model.samples) return report.make("p", { class: "faint" }, "There are no samples of it here.");
    const { sheet, width, height, count } = model.samples;
    const scale = Math.max(1, Math.round(300 / width));
    return report.make("figure", { class: "pixels" },
      report.make("img", { src: sheet, width: width * scale, height: height * scale,
        alt: `${count} random samples of ${model.id}` }),
      report.make("figcaption", {}, `${count} random samples.`));
  };

  const bindings = (model) => model.bindings.length
    ? table(`Bindings of ${model.id} that differ between models`, ["Binding that differs", "Value"],
      model.bindings)
    : report.make("p", { class: "faint" }, "Its configuration differs from no other model's.");

  const open = (id) => {
    const model = models[names.indexOf(id)];
    if (!model) return;
    choice.value = id;
    place.replaceChildren(
      report.make("h3", {}, model.id),
      ...(model.reason ? [report.make("p", { class: "note failed" }, model.reason)] : []),
      facts(model),
      report.make("div", { class: "two" },
        report.make("div", {}, metrics(id)),
        report.make("div", {}, bindings(model), samples(model))),
      ...(model.folder ? [report.make("p", { class: "sources" }, "Files: ",
        report.make("a", { href: `${model.folder}/`, title: report.beside }, model.folder.slice(3)))] : []),
    );
  };

  const step = (by) => open(names[(names.indexOf(choice.value) + by + names.length) % names.length]);
  choice.addEventListener("change", () => open(choice.value));
  document.getElementById("model-before").addEventListener("click", () => step(-1));
  document.getElementById("model-after").addEventListener("click", () => step(1));
  const fromAddress = () => {
    if (!location.hash.startsWith("#model=")) return;
    open(decodeURIComponent(location.hash.slice(7)));
    document.getElementById("models").scrollIntoView();
  };
  addEventListener("hashchange", fromAddress);
  if (names.length) open(names[0]);
  fromAddress();
}
