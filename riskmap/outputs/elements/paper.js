// Paper: A4 landscape. The map takes the size of the sheet before printing, and gets it back after.
riskmap.part(40, (page) => {
  const { map } = page, ON_PAPER = 14, ON_SECOND = 30, SHEET_MM = 192;
  const first = page.at("rm-paper-ranking"), second = page.at("rm-paper-table"), folds = [...document.querySelectorAll(".rm-fold-group details")];
  let before = null;

  function write() {
    const chosen = page.row(page.state.corridor);
    first.replaceChildren(page.corridorTable(page.visibleRows().slice(0, ON_PAPER), ["col_rank", "col_name", "col_score", "col_interval", "col_km", "col_post", "col_post_hours"]));
    second.replaceChildren(page.corridorTable(page.visibleRows().slice(0, ON_SECOND)));
    page.at("rm-paper-why").replaceChildren(...(chosen ? [page.why(chosen, "rm-why-paper")] : []));
  }

  // Rows that the sheet has no room for are taken off, and counted in words.
  function trim(holder, tooTall) {
    const rows = [...holder.querySelectorAll("tbody tr")];
    while (rows.length > 1 && tooTall()) rows.pop().remove();
    return rows.length;
  }
  function fit() {
    const mm = document.body.getBoundingClientRect().width / 281, sheet = page.at("rm-paper-second");
    const limits = document.querySelector(".rm-fold-group");
    limits.classList.remove("rm-tight");
    limits.classList.toggle("rm-tight", limits.scrollHeight > limits.clientHeight + 1);
    trim(first, () => first.scrollHeight > first.clientHeight + 1);
    page.at("rm-paper-view").textContent = page.t("paper_rows", { shown: page.number(ON_SECOND), all: page.number(page.rows().length) });
    const shown = trim(second, () => sheet.getBoundingClientRect().height > SHEET_MM * mm);
    page.at("rm-paper-view").textContent = page.t("paper_rows", { shown: page.number(shown), all: page.number(page.rows().length) });
  }

  function lay() {
    if (before) return;
    map.stop();
    before = { bounds: map.getBounds(), center: map.getCenter(), zoom: map.getZoom(), snap: map.options.zoomSnap, open: [page.at("rm-legend"), ...folds].map((fold) => [fold, fold.open]) };
    write();
    before.open.forEach(([fold]) => { fold.open = true; });
    document.body.classList.add("rm-paper");
    fit();
    map.options.zoomSnap = 0.05;
    map.invalidateSize({ animate: false });
    map.fitBounds(before.bounds.pad(-0.04), { animate: false });
    page.paper(true);
    page.labels.now();
  }

  function lift() {
    if (!before) return;
    const { center, zoom, snap, open } = before;
    document.body.classList.remove("rm-paper");
    open.forEach(([fold, was]) => { fold.open = was; });
    map.options.zoomSnap = snap;
    map.invalidateSize({ animate: false });
    map.setView(center, zoom, { animate: false });
    before = null;
    page.paper(false);
  }

  window.addEventListener("beforeprint", lay);
  window.addEventListener("afterprint", lift);
  page.at("rm-print").addEventListener("click", () => { lay(); window.print(); });
  page.at("rm-skip").addEventListener("click", () => { const row = page.at("rm-list").querySelector("button"); if (row) row.focus(); });
});
