"use strict";
/* Swapped codes: s of one image with z of another, from a grid that was drawn before. */

{
  const draw = async (canvas, grid, row, column) => {
    const image = await report.sheet(grid.sheet);
    const number = row * grid.columns + column;
    const columns = Math.ceil(Math.sqrt(grid.rows * grid.columns));
    canvas.width = grid.width;
    canvas.height = grid.height;
    canvas.getContext("2d").drawImage(image,
      (number % columns) * grid.width, Math.floor(number / columns) * grid.height,
      grid.width, grid.height, 0, 0, grid.width, grid.height);
  };

  /* A row of originals to choose from. */
  const originals = (title, grid, count, place, choose) => {
    const buttons = [];
    const show = (chosen) => buttons.forEach((button, i) => {
      button.setAttribute("aria-pressed", i === chosen ? "true" : "false");
    });
    for (let i = 0; i < count; i += 1) {
      const canvas = report.make("canvas", { "aria-hidden": "true" });
      draw(canvas, grid, ...place(i + 1));
      buttons.push(report.make("button", {
        type: "button", "aria-label": `${title}: image ${i + 1}`,
        onclick: () => choose(i + 1),
      }, canvas));
    }
    const set = report.make("fieldset", {}, report.make("legend", {}, title),
      report.make("div", { class: "tiles" }, ...buttons));
    set.show = show;
    show(0);
    return set;
  };

  /* The controls of a model; `changed` is told of a choice, `choose` makes one from outside. */
  report.swap = (id, grids, changed) => {
    const body = report.make("div", {});
    let choose = null;
    const open = (grid) => {
      const picture = report.make("canvas", { class: "picture swapped", role: "img" });
      let [row, column] = [1, 1];
      const update = () => {
        byColumn.show(column - 1);
        byRow.show(row - 1);
        picture.setAttribute("aria-label",
          `Image of ${id} with s of image ${column} and z of image ${row}`);
        picture.dataset.place = `${row},${column}`;
        draw(picture, grid, row, column);
      };
      choose = (newRow, newColumn) => {
        row = Math.min(newRow, grid.rows - 1);
        column = Math.min(newColumn, grid.columns - 1);
        update();
      };
      const pick = (newRow, newColumn) => {
        choose(newRow, newColumn);
        changed(row, column);
      };
      const byColumn = originals("Identity s from", grid, grid.columns - 1, (i) => [0, i],
        (i) => pick(row, i));
      const byRow = originals("Everything else z from", grid, grid.rows - 1, (i) => [i, 0],
        (i) => pick(i, column));
      body.replaceChildren(report.make("div", { class: "stage" }, picture), byColumn, byRow);
      update();
    };
    const choice = report.make("select", {
      "aria-label": "Identities", onchange: () => open(grids[Number(choice.value)]),
    });
    report.options(choice, grids.map((grid, i) => [i, `${grid.part} identities`]));
    open(grids[0]);
    const element = report.make("div", { class: "swap" }, report.make("h3", {}, "Swap"),
      grids.length > 1 ? choice : null, body);
    return { element, choose: (...place) => choose(...place) };
  };

  if (report.openExplorer) report.openExplorer();
}
