// Paper: A4 landscape. The map takes the size of the sheet before printing, and gets it back after.
riskmap.part(40, (page) => {
  const { map } = page, ON_PAPER = 12, ON_SECOND = 28;
  let before = null;

  function write() {
    page.at("rm-paper-ranking").replaceChildren(page.corridorTable(page.visibleRows().slice(0, ON_PAPER), ["col_rank", "col_name", "col_score", "col_interval", "col_post_hours"]));
    page.at("rm-paper-table").replaceChildren(page.corridorTable(page.visibleRows().slice(0, ON_SECOND)));
    const view = page.state.corridor === null ? "" : page.t("paper_chosen", { name: page.row(page.state.corridor).name });
    page.at("rm-paper-view").textContent = [page.t("paper_rows", { shown: Math.min(ON_SECOND, page.visibleRows().length), all: page.rows().length }), view].filter(Boolean).join(" ");
  }

  function lay() {
    if (before) return;
    before = { bounds: map.getBounds(), center: map.getCenter(), zoom: map.getZoom(), open: page.at("rm-legend").open };
    write();
    page.at("rm-legend").open = true;
    document.body.classList.add("rm-paper");
    map.invalidateSize({ animate: false });
    map.fitBounds(before.bounds.pad(-0.12), { animate: false });
    page.redraw();
    page.redrawBase();
    page.labels.now();
  }

  function lift() {
    if (!before) return;
    document.body.classList.remove("rm-paper");
    page.at("rm-legend").open = before.open;
    map.invalidateSize({ animate: false });
    map.setView(before.center, before.zoom, { animate: false });
    before = null;
    page.redraw();
    page.redrawBase();
  }

  window.addEventListener("beforeprint", lay);
  window.addEventListener("afterprint", lift);
  page.at("rm-print").addEventListener("click", () => { lay(); window.print(); });
  page.at("rm-skip").addEventListener("click", () => { const row = page.at("rm-list").querySelector("button"); if (row) row.focus(); });
});
