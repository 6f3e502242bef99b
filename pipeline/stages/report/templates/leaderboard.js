"use strict";
/* The table of all models: sorted by any column, filtered, with models pinned to the top. */

{
  const data = report.data("board-data");
  const table = document.getElementById("board");
  const shown = new Set(data.shown);
  const pinned = new Set();
  const rowKey = (row) => `${row.run || ""} ${row.id} ${row.variant}`;
  const hasRuns = data.rows.some((row) => row.run);
  const pinLabel = (row) => `Pin ${row.id}${row.run ? ` of ${row.run}` : ""}`;
  const hasRanks = data.rows.some((row) => row.rank !== null);
  const hasCodes = data.rows.some((row) => row.informative !== null);
  const search = document.getElementById("board-search");
  const setting = document.getElementById("board-setting");
  const method = document.getElementById("board-method");
  const intervals = document.getElementById("board-intervals");
  const natural = new Intl.Collator("en", { numeric: true }).compare;
  let sorted = hasRanks
    ? { key: "rank", down: false }
    : data.shown.length
      ? { key: data.shown[0], down: data.metrics[data.shown[0]].better !== "low" }
      : { key: "id", down: false };

  const distinct = (name) => [...new Set(data.rows.map((row) => row[name]))].sort(natural);
  const choices = (name) => [["", "all"], ...distinct(name).map((text) => [text, text])];
  report.options(setting, choices("setting"));
  report.options(method, choices("method"));

  const arrow = { high: "\u00a0↑", low: "\u00a0↓", "": "" };
  const title = (metric) => metric.name + arrow[metric.better];

  const metricColumns = () => [...shown].sort((a, b) => a - b);

  const columns = () => [
    { key: "id", title: "Model", text: true },
    ...(hasRuns ? [{ key: "run", title: "Run", text: true }] : []),
    ...(hasRanks ? [{ key: "rank", title: "Rank" }] : []),
    { key: "setting", title: "Setting", text: true },
    { key: "method", title: "Method", text: true },
    { key: "seed", title: "Seed" },
    ...(hasCodes ? [{ key: "informative", title: "Informative codes" }] : []),
    ...metricColumns().map((i) => ({
      key: i,
      title: title(data.metrics[i]),
      small: data.metrics[i].protocol,
    })),
  ];

  const valueOf = (row, key) =>
    typeof key === "number" ? (row.cells[key] ? row.cells[key][0] : null) : row[key];

  const compare = (a, b) => {
    const [first, second] = [valueOf(a, sorted.key), valueOf(b, sorted.key)];
    if (first === null || second === null) return (first === null) - (second === null);
    const order = typeof first === "string" ? natural(first, second) : first - second;
    return (sorted.down ? -order : order) || natural(rowKey(a), rowKey(b));
  };

  const isWanted = (row) => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${rowKey(row)} ${row.setting} ${row.method}`.toLowerCase();
    return (
      words.every((word) => text.includes(word)) &&
      (!setting.value || row.setting === setting.value) &&
      (!method.value || row.method === method.value)
    );
  };

  const best = (rows, i) => {
    const values = rows.filter((row) => row.cells[i]).map((row) => row.cells[i][0]);
    const { better } = data.metrics[i];
    if (!better || new Set(values).size < 2) return null;
    return better === "low" ? Math.min(...values) : Math.max(...values);
  };

  const header = () =>
    report.make(
      "tr",
      {},
      ...columns().map((column) => {
        const isSorted = sorted.key === column.key;
        const direction = isSorted ? (sorted.down ? "descending" : "ascending") : null;
        const button = report.make(
          "button",
          { type: "button", "data-key": column.key, onclick: () => sortBy(column.key) },
          column.title + (isSorted ? (sorted.down ? " ▼" : " ▲") : ""),
        );
        const small = column.small ? report.make("small", {}, column.small) : null;
        const attributes = { scope: "col", "aria-sort": direction };
        if (column.text) attributes.class = "text";
        return report.make("th", attributes, button, small);
      }),
    );

  const sortBy = (key) => {
    const metric = typeof key === "number" ? data.metrics[key] : null;
    const down = metric ? metric.better !== "low" : false;
    sorted = { key, down: sorted.key === key ? !sorted.down : down };
    draw();
    table.querySelector(`[data-key="${key}"]`).focus();
  };

  const nameCell = (row) => {
    const box = report.make("input", {
      type: "checkbox",
      "aria-label": pinLabel(row),
      onchange: () => {
        pinned[box.checked ? "add" : "delete"](rowKey(row));
        draw();
        const again = [...table.querySelectorAll("tbody input")].find(
          (one) => one.getAttribute("aria-label") === pinLabel(row),
        );
        if (again) again.focus();
      },
    });
    box.checked = pinned.has(rowKey(row));
    const href = row.run ? row.href : `#model=${encodeURIComponent(row.id)}`;
    const link = href ? report.make("a", { href }, row.id) : row.id;
    const badges = [];
    if (row.selected || row.id === data.selected) badges.push("selected");
    if (row.status !== "done") badges.push(row.status);
    return report.make(
      "th",
      { scope: "row", class: "text" },
      box,
      " ",
      link,
      ...badges.map((text) => report.make("span", { class: "badge" }, text)),
      row.variant ? report.make("small", {}, row.variant) : null,
    );
  };

  const metricCell = (row, i, top) => {
    const cell = row.cells[i];
    if (!cell) return report.make("td", {}, "–");
    const small =
      intervals.checked && cell.length === 3
        ? report.make("small", {}, `${report.number(cell[1])} – ${report.number(cell[2])}`)
        : null;
    return report.make("td", cell[0] === top ? { class: "best" } : {}, report.number(cell[0]), small);
  };

  const draw = () => {
    const wanted = data.rows.filter((row) => pinned.has(rowKey(row)) || isWanted(row));
    wanted.sort((a, b) => pinned.has(rowKey(b)) - pinned.has(rowKey(a)) || compare(a, b));
    const tops = new Map(metricColumns().map((i) => [i, best(wanted, i)]));
    const body = wanted.map((row) =>
      report.make(
        "tr",
        pinned.has(rowKey(row)) ? { class: "pinned" } : {},
        nameCell(row),
        hasRuns ? report.make("td", { class: "text" }, row.run) : null,
        hasRanks ? report.make("td", {}, row.rank === null ? "–" : String(row.rank)) : null,
        report.make("td", { class: "text" }, row.setting),
        report.make("td", { class: "text" }, row.method),
        report.make("td", {}, String(row.seed)),
        hasCodes ? report.make("td", {}, row.informative === null ? "–" : String(row.informative)) : null,
        ...metricColumns().map((i) => metricCell(row, i, tops.get(i))),
      ),
    );
    table.replaceChildren(
      report.make("thead", {}, header()),
      report.make("tbody", {}, ...body),
    );
    document.getElementById("board-count").textContent =
      `${wanted.length} of ${data.rows.length} rows` +
      (pinned.size ? `, ${pinned.size} pinned` : "");
  };

  const boxes = document.querySelector("#board-metrics .choices");
  data.metrics.forEach((metric, i) => {
    const box = report.make("input", {
      type: "checkbox",
      onchange: () => {
        shown[box.checked ? "add" : "delete"](i);
        draw();
      },
    });
    box.checked = shown.has(i);
    boxes.append(
      report.make("label", { class: "check" }, box, `${title(metric)} (${metric.protocol})`),
    );
  });
  document.getElementById("board-metrics").hidden = !data.metrics.length;

  search.addEventListener("input", draw);
  for (const control of [setting, method, intervals]) control.addEventListener("change", draw);
  document.getElementById("board-clear").addEventListener("click", () => {
    pinned.clear();
    draw();
  });
  draw();
  report.board = data;
}
