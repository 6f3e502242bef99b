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
        onclick: () => { show(i); choose(i + 1); },
      }, canvas));
    }
    show(0);
    return report.make("fieldset", {}, report.make("legend", {}, title),
      report.make("div", { class: "tiles" }, ...buttons));
  };

  report.swap = (id, grids) => {
    const body = report.make("div", {});
    const open = (grid) => {
      const picture = report.make("canvas", { class: "picture swapped", role: "img" });
      let [row, column] = [1, 1];
      const update = () => {
        picture.setAttribute("aria-label",
          `Image of ${id} with s of image ${column} and z of image ${row}`);
        picture.dataset.place = `${row},${column}`;
        draw(picture, grid, row, column);
      };
      body.replaceChildren(
        report.make("div", { class: "stage" }, picture),
        originals("Identity s from", grid, grid.columns - 1, (i) => [0, i], (i) => { column = i; update(); }),
        originals("Everything else z from", grid, grid.rows - 1, (i) => [i, 0], (i) => { row = i; update(); }),
      );
      update();
    };
    const choice = report.make("select", {
      "aria-label": "Identities", onchange: () => open(grids[Number(choice.value)]),
    });
    report.options(choice, grids.map((grid, i) => [i, `${grid.part} identities`]));
    open(grids[0]);
    return report.make("div", { class: "swap" }, report.make("h3", {}, "Swap"),
      grids.length > 1 ? choice : null, body);
  };

  if (report.openExplorer) report.openExplorer();
}
