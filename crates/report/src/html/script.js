"use strict";
// Makes the elements of the diagrams buttons that filter the list, and the list's headings buttons
// that sort it. Without it the page shows the same, unfiltered.
(() => {
  const grouped = new Intl.NumberFormat("en");
  const leaks = (n) => `${grouped.format(n)} open ${n === 1 ? "leak" : "leaks"}`;
  const items = [...document.querySelectorAll("[data-in]")]
    .map((node) => ({ node, row: "row" in node.dataset, groups: new Set(node.dataset.in.split(/\s+/)) }));
  const rows = items.filter((item) => item.row);
  const toolbar = document.querySelector(".toolbar");
  const status = toolbar.querySelector(".status");
  const chips = toolbar.querySelector(".chips");

  // Facet → the key of the group that is chosen.
  let chosen = new Map();

  const facets = [...document.querySelectorAll(".diagrams svg[data-facet]")].map((svg) => ({
    name: svg.dataset.facet,
    title: svg.dataset.title,
    unit: Number(svg.dataset.unit),
    base: "base" in svg.dataset ? Number(svg.dataset.base) : null,
    groups: [...svg.querySelectorAll("g.pick")].map((node) => ({
      node,
      key: node.dataset.key,
      label: node.dataset.label,
      title: node.querySelector("title"),
      bar: node.querySelector(".bar"),
      count: node.querySelector(".count"),
    })),
  }));

  const fits = (item, but) => {
    for (const [facet, key] of chosen) {
      if (facet !== but && !item.groups.has(`${facet}:${key}`)) return false;
    }
    return true;
  };

  // An element counts what choosing it would show: the rows that fit all other facets.
  const count = (facet, group) =>
    rows.filter((row) => row.groups.has(`${facet.name}:${group.key}`) && fits(row, facet.name)).length;

  const draw = (facet, group) => {
    const n = count(facet, group);
    const length = (facet.unit * n).toFixed(1);
    if (facet.base === null) {
      group.bar.setAttribute("width", length);
    } else {
      group.bar.setAttribute("height", length);
      group.bar.setAttribute("y", (facet.base - facet.unit * n).toFixed(1));
      group.count.setAttribute("y", (facet.base - facet.unit * n - 6).toFixed(1));
    }
    group.count.textContent = n === 0 && facet.base !== null ? "" : grouped.format(n);
    group.title.textContent = `${group.label}: ${leaks(n)}`;
    const on = chosen.get(facet.name) === group.key;
    group.node.setAttribute("aria-pressed", String(on));
    group.node.setAttribute("aria-label", `${facet.title}, ${group.label}: ${leaks(n)}`);
    group.node.setAttribute("aria-disabled", String(n === 0 && !on));
    group.node.classList.toggle("off", chosen.has(facet.name) && !on);
  };

  const chip = (text, name, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", act);
    return button;
  };

  const show = () => {
    let visible = 0;
    for (const item of items) {
      const fit = fits(item, null);
      item.node.hidden = !fit;
      if (fit && item.row) visible += 1;
    }
    for (const band of document.querySelectorAll("[data-band]")) {
      band.hidden = band.querySelector("[data-row]:not([hidden])") === null;
    }
    for (const facet of facets) for (const group of facet.groups) draw(facet, group);
    status.textContent = chosen.size === 0
      ? leaks(rows.length)
      : `${grouped.format(visible)} of ${leaks(rows.length)}`;
    chips.replaceChildren();
    for (const facet of facets) {
      const group = facet.groups.find((one) => one.key === chosen.get(facet.name));
      if (group === undefined) continue;
      const text = `${facet.title}: ${group.label}`;
      chips.append(chip(`${text} ×`, `Remove the filter ${text}`, () => {
        chosen.delete(facet.name);
        show();
        group.node.focus();
      }));
    }
    if (chosen.size > 0) {
      const clear = chip("Clear", "Clear all filters", () => {
        chosen.clear();
        show();
        facets[0]?.groups[0]?.node.focus();
      });
      clear.className = "clear";
      chips.append(clear);
    }
  };

  const choose = (facet, group) => {
    if (chosen.get(facet.name) === group.key) {
      chosen.delete(facet.name);
    } else if (count(facet, group) > 0) {
      chosen.set(facet.name, group.key);
    }
    show();
  };

  for (const facet of facets) {
    for (const group of facet.groups) {
      group.node.setAttribute("role", "button");
      group.node.setAttribute("tabindex", "0");
      group.node.addEventListener("click", () => choose(facet, group));
      group.node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          choose(facet, group);
        }
      });
    }
  }

  // Sorting: by what a cell says of itself, else by its text; the same order twice turns it round.
  const value = (row, column, kind) => {
    const cell = row.cells[column];
    return kind === "number" ? Number(cell.dataset.value) : cell.textContent.trim();
  };
  for (const heading of document.querySelectorAll("th[data-sort]")) {
    const kind = heading.dataset.sort;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const body = heading.closest("table").tBodies[0];
      const column = heading.cellIndex;
      const now = heading.getAttribute("aria-sort");
      const down = now === null ? kind === "number" : now === "ascending";
      const sign = down ? -1 : 1;
      const sorted = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a, column, kind), value(b, column, kind)];
        return sign * (kind === "number" ? x - y : x.localeCompare(y, "en"));
      });
      body.append(...sorted);
      for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  }

  // What is printed is the whole report, not what a filter left of it.
  let kept = null;
  window.addEventListener("beforeprint", () => {
    kept = chosen;
    chosen = new Map();
    show();
  });
  window.addEventListener("afterprint", () => {
    if (kept === null) return;
    chosen = kept;
    kept = null;
    show();
  });

  document.querySelector(".hint").hidden = false;
  toolbar.hidden = false;
  show();
})();
