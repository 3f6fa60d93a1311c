// The map as tables: what a screen reader, a keyboard and a printer read.
riskmap.part(38, (page) => {
  const { el } = page, t = page.t.bind(page), holder = page.at("rm-tables");
  let stale = true;

  const joined = (pairs) => pairs.slice(0, 3).map(([who, share]) => `${who} ${page.percent(share)}`).join("; ");
  const columns = [
    ["col_rank", (row) => page.number(row.rank), 1], ["col_name", (row) => page.name(row.name)], ["col_score", (row) => page.number(row.score), 1],
    ["col_interval", (row) => page.interval(row) || t("unknown"), 0, (rows) => rows.some((row) => row.rankLow !== null)],
    ["col_km", (row) => page.number(row.km), 1], ["col_travel", (row) => page.number(row.hours, 1), 1],
    ["col_transits", (row) => page.number(row.transits, 1), 1], ["col_undetected", (row) => page.number(row.undetected, 1), 1],
    ["col_detection", (row) => page.percent(row.detection), 1], ["col_gain", (row) => page.number(row.gain, 2), 1],
    ["col_post", (row) => page.name(row.post || t("unknown"))], ["col_post_hours", (row) => page.hours(row.postHours), 1],
    ["col_origins", (row) => page.name(joined(row.origins)), "rm-wide"], ["col_sites", (row) => page.name(joined(row.sites)), "rm-wide"],
    ["col_evidence", (row) => t(row.evidence ? `evidence_badge_${row.evidence}` : "evidence_badge_full"), 0, (rows) => rows.some((row) => row.evidence)],
  ];

  const classOf = (look) => (look === 1 ? "rm-right" : look || null);
  function table(caption, heads, rows) {
    return el("div", { class: "rm-scroll", tabindex: 0, role: "region", "aria-label": caption }, el("table", {}, el("caption", {}, caption),
      el("thead", {}, el("tr", {}, heads.map(([text, look]) => el("th", { scope: "col", class: classOf(look) }, text)))), el("tbody", {}, rows)));
  }

  page.corridorTable = (rows, keys = columns.map(([key]) => key)) => {
    const used = columns.filter(([key, , , when]) => keys.includes(key) && (!when || when(page.rows())));
    const line = (row) => el("tr", {}, used.map(([key, cell, look]) => el(key === "col_name" ? "th" : "td", { class: classOf(look), scope: key === "col_name" ? "row" : null }, cell(row))));
    return table(t("table_corridors"), used.map(([key, , look]) => [t(key), look]), rows.map(line));
  };

  function siteTable() {
    const facts = (site) => Object.entries(site.facts).map(([key, value]) => page.fact(key, value)).join("; ");
    const line = (site) => el("tr", {}, el("td", {}, t(`kind_${site.kind}`)), el("th", { scope: "row" }, page.name(site.name)), el("td", {}, facts(site)));
    return table(t("table_sites"), [[t("col_kind")], [t("col_name")], [t("col_facts")]], page.sites().map(line));
  }

  function routeTable() {
    const routes = page.option("table").results[page.state.result];
    if (!routes.length) return null;
    const line = (r) => el("tr", {}, el("th", { scope: "row" }, page.name(r.origin)), el("td", {}, page.name(r.destination)), el("td", { class: "rm-right" }, page.number(r.hours, 1)), el("td", { class: "rm-right" }, page.number(r.transits, 1)), el("td", { class: "rm-right" }, page.percent(r.survival)));
    return table(t("table_routes"), [[t("col_from")], [t("col_to")], [t("col_travel"), 1], [t("col_transits"), 1], [t("col_survival"), 1]], routes.map(line));
  }

  function show() {
    const on = page.state.view === "table";
    document.body.classList.toggle("rm-as-table", on);
    page.at("rm-tables").hidden = !on;
    page.at("rm-view").textContent = t(on ? "see_map" : "see_table");
    if (!on) return page.map.invalidateSize({ animate: false });
    if (stale) holder.replaceChildren(...[page.corridorTable(page.visibleRows()), routeTable(), siteTable()].filter(Boolean));
    stale = false;
    return undefined;
  }

  page.at("rm-view").addEventListener("click", () => page.set({ view: page.state.view === "table" ? "map" : "table" }));
  page.on(["result", "top", "view"], (changed) => { stale = stale || changed.some((key) => key !== "view"); show(); });
  show();
});
