// The ranked corridors on the map: colour and width by class, hatching by evidence, choosing one.
riskmap.part(20, (page) => {
  const { map } = page, options = page.option("corridors"), classes = options.classes;
  page.pane("rm-corridors", 420);
  page.pane("rm-chosen", 410);
  const stores = options.results.map(() => null);
  let layer = null, chosen = null, shown = true;

  page.rows = () => options.results[page.state.result].rows;
  page.row = (id) => page.rows().find((row) => row.id === id) || null;
  page.visibleRows = () => page.rows().slice(0, page.state.top);
  page.classOf = (row) => classes[row.class];
  const store = () => stores[page.state.result];
  const isShown = (i) => store().owner[i] < page.state.top;

  function passes(zoom) {
    const rows = page.rows(), lines = store(), thin = zoom < 7 ? 0.6 : zoom < 9 ? 0.8 : 1;
    const of = (test) => (i) => isShown(i) && test(rows[lines.owner[i]]);
    const strokes = classes.flatMap((style, c) => [
      { has: of((row) => row.class === c), color: options.casing, width: style.width * thin + 2 },
      { has: of((row) => row.class === c), color: style.color, width: style.width * thin },
    ]);
    const hatch = { has: of((row) => row.evidence === "none" || row.evidence === "partial"), color: "#ffffff", width: 3, dash: [2, 4] };
    return [...strokes, hatch];
  }

  async function load(index) {
    if (stores[index]) return;
    const lines = await unpackLines(options.results[index].lines);
    lines.byOwner = new Map();
    lines.owner.forEach((owner, i) => lines.byOwner.set(owner, [...(lines.byOwner.get(owner) || []), i]));
    stores[index] = lines;
  }

  async function draw() {
    const index = page.state.result;
    await load(index);
    if (index !== page.state.result) return;
    if (layer) layer.remove();
    layer = new CanvasLines(store(), { pane: "rm-corridors", passes });
    if (shown) layer.addTo(map);
    mark();
    page.labels.place();
    document.documentElement.dataset.corridors = "drawn";
  }

  const linesOf = (row) => store().byOwner.get(page.rows().indexOf(row)) || [];

  // A halo under the corridor, in a colour that no class has.
  function mark() {
    if (chosen) chosen.remove();
    const row = page.row(page.state.corridor);
    chosen = row && store() ? L.polyline(linesOf(row).map((i) => store().latLngs(i)), {
      pane: "rm-chosen", color: options.halo, weight: page.classOf(row).width + 10, opacity: 0.9, interactive: false,
      renderer: L.svg({ pane: "rm-chosen" }),
    }).addTo(map) : null;
  }

  const open = (row, at) => L.popup({ className: "rm-popup", maxWidth: 300, autoPanPadding: [20, 60] }).setLatLng(at).setContent(page.card(row)).openOn(map);
  // On a telephone the map is not beside the list: what was chosen elsewhere is shown on it.
  function show(row) {
    page.at("rm-stage").scrollIntoView({ block: "start" });
    open(row, middle(row));
  }

  page.choose = (id, { fly = false, stay = false } = {}) => {
    const row = page.row(id);
    const view = fly ? "map" : page.state.view;
    page.set({ corridor: row ? id : null, view, top: row ? Math.max(page.state.top, page.rows().indexOf(row) + 1) : page.state.top });
    if (row && fly && chosen) page.fly(chosen.getBounds(), { padding: [48, 48], maxZoom: 11 });
    if (row && fly && !stay && store() && window.innerWidth <= 760) show(row);
    if (row) page.announce(page.t("chosen", { rank: row.rank, name: row.name }));
  };

  function under(event, pixels) {
    if (!store() || !shown) return null;
    const at = map.options.crs.project(event.latlng), metres = (2 * EARTH) / (256 * 2 ** map.getZoom());
    const i = store().nearest(at.x, at.y, pixels * metres, isShown);
    return i < 0 ? null : page.rows()[store().owner[i]];
  }

  const tip = L.tooltip({ className: "rm-tip", direction: "top", offset: [0, -8] });
  map.on("click", (event) => {
    const row = under(event, 12);
    if (!row) return page.describe(event.latlng);
    page.choose(row.id);
    return open(row, event.latlng);
  });
  map.on("mousemove", (event) => {
    const row = under(event, 6);
    map.getContainer().classList.toggle("rm-over", Boolean(row));
    if (!row) return tip.remove();
    return tip.setLatLng(event.latlng).setContent(page.el("span", {}, `${row.rank}. `, page.name(row.name))).openOn(map);
  });
  map.on("mouseout", () => tip.remove());

  // The first ranks carry their number, so that a printed map and its list speak of the same.
  page.labels.provide(() => {
    if (!store() || !shown) return [];
    return page.visibleRows().slice(0, 20).map((row, order) => ({ at: middle(row), text: String(row.rank), look: "rank", rank: order, first: order < 3 })).filter((label) => label.at);
  });

  function middle(row) {
    const lines = store(), [longest] = linesOf(row).sort((a, b) => lines.first[b + 1] - lines.first[b] - lines.first[a + 1] + lines.first[a]);
    if (longest === undefined) return null;
    const p = (lines.first[longest] + lines.first[longest + 1] - 1) >> 1;
    return toLatLng(lines.x[p], lines.y[p]);
  }

  function swatch(style, hatched) {
    const line = (color, width, dash) => page.svg("line", { x1: 2, x2: 34, y1: 8, y2: 8, stroke: color, "stroke-width": width, "stroke-dasharray": dash });
    return page.svg("svg", { class: "rm-swatch", viewBox: "0 0 36 16", "aria-hidden": "true" },
      line(options.casing, style.width + 2), line(style.color, style.width), hatched ? line("#ffffff", 3, "2 4") : null);
  }
  page.swatch = (row) => swatch(page.classOf(row), row.evidence === "none" || row.evidence === "partial");

  function key() {
    const rows = page.rows(), hatched = rows.some((row) => row.evidence === "none" || row.evidence === "partial");
    const range = (style, c) => page.t(c === classes.length - 1 ? "class_top" : "class_range", { low: page.number(style.from), high: page.number(c === classes.length - 1 ? 100 : classes[c + 1].from) });
    return [
      { title: page.t("risk_score"), note: page.t(page.data.relative ? "risk_unit_relative" : "risk_unit", { transits: page.number(options.full, options.full < 10 ? 1 : 0) }) },
      ...classes.map((style, c) => ({ swatch: swatch(style, false), text: range(style, c) })).reverse(),
      ...(hatched ? [{ swatch: swatch(classes[2], true), text: page.t("evidence_key") }] : []),
      ...(page.state.top < rows.length ? [{ note: page.t("showing", { shown: page.state.top, all: rows.length }) }] : []),
    ];
  }

  page.addLayer({ id: "corridors", group: "risk", label: page.t("layer_corridors"), on: true, key, show(on) {
    shown = on;
    if (layer) on ? layer.addTo(map) : layer.remove();
    page.labels.place();
  } });
  page.on(["result"], draw);
  page.on(["top"], () => { if (layer) layer.redraw(); page.labels.place(); });
  page.on(["corridor"], mark);
  page.onPaper((on) => { if (layer && shown) layer.paper(on); });
  draw();
});
