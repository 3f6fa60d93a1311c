// A plan: its advice in words, and the water whose traffic it moves, as a layer.
riskmap.part(31, (page) => {
  const { map, el } = page, plan = page.option("plan");
  if (!plan) return;

  // The page is about the plan: it stands before the story of either result.
  page.at("rm-story").closest("section").before(page.at("rm-plan"));
  const facts = (row) => row.slice(1).map(([head, value], k) => [k ? " · " : "", `${head}: `, page.name(value)]);
  const deed = (row, k) => el("li", {}, el("button", { type: "button", class: "rm-link", disabled: !plan.marks[k], on: { click: () => map.setView(plan.marks[k], Math.max(map.getZoom(), 10), { animate: false }) } }, page.name(row[0][1])), el("p", {}, facts(row)));
  page.at("rm-plan-title").append(page.name(plan.title));
  page.at("rm-plan-do").append(...plan.rows.map(deed));
  page.at("rm-plan-say").append(...plan.lines.map((text) => el("p", {}, page.name(text))));
  if (plan.marks.length) {
    page.pane("rm-plan-marks", 645);
    map.getPane("rm-plan-marks").style.pointerEvents = "auto";
    const marks = L.layerGroup(plan.marks.map((at, k) => L.marker(at, { pane: "rm-plan-marks", keyboard: false, icon: L.divIcon({ className: "rm-plan-mark", iconSize: [26, 30], iconAnchor: [13, 30], html: el("span", {}, `P${k + 1}`) }) })
      .bindTooltip(() => el("span", {}, page.name(plan.rows[k][0][1])), { className: "rm-tip", direction: "top", offset: [0, -28] })));
    const swatch = () => el("span", { class: "rm-plan-mark rm-plan-key" }, el("span", {}, "P1"));
    page.addLayer({ id: "plan", group: "state", label: page.t("plan"), on: true, show: (on) => (on ? marks.addTo(map) : marks.remove()),
      key: () => [{ swatch: swatch(), text: page.t("plan_mark") }] });
  }
  if (!plan.waters.length) return;

  page.pane("rm-displaced", 425);
  map.getPane("rm-displaced").style.pointerEvents = "auto";
  const canvas = L.canvas({ pane: "rm-displaced", padding: 0.3, tolerance: 4 }), vectors = L.svg({ pane: "rm-displaced", padding: 0 });
  const group = L.layerGroup(), dash = "7 5", width = (share) => 2.5 + 5 * Math.sqrt(share);
  const number = (value) => page.number(value, Math.abs(value) >= 10 ? 0 : 1);
  const card = (water) => el("div", { class: "rm-card" }, el("p", { class: "rm-card-kind" }, page.t(water.rose ? "displaced_rose" : "displaced_fell")),
    el("p", { class: "rm-card-name" }, page.name(water.name || page.t("unnamed"))), el("p", {}, page.t("displaced_change", { before: number(water.before), after: number(water.after) })));

  function draw(paper) {
    group.clearLayers();
    for (const water of plan.waters) {
      const style = { renderer: paper ? vectors : canvas, color: water.rose ? plan.colors.rose : plan.colors.fell, weight: width(water.share), opacity: 0.9, dashArray: water.rose ? null : dash, lineCap: "butt" };
      L.polyline(water.lines, style).bindPopup(() => card(water), { className: "rm-popup", maxWidth: 300 }).addTo(group);
    }
  }
  draw(false);
  const swatch = (rose) => page.svg("svg", { class: "rm-swatch", viewBox: "0 0 36 16", "aria-hidden": "true" },
    page.svg("line", { x1: 2, x2: 34, y1: 8, y2: 8, stroke: rose ? plan.colors.rose : plan.colors.fell, "stroke-width": 5, "stroke-dasharray": rose ? null : dash }));
  page.addLayer({ id: "displaced", group: "risk", label: page.t("layer_displaced"), on: false,
    show: (on) => (on ? group.addTo(map) : group.remove()),
    key: () => [{ title: page.t("displaced_title"), note: page.t("displaced_note") }, ...[true, false].map((rose) => ({ swatch: swatch(rose), text: page.t(rose ? "displaced_rose" : "displaced_fell") }))] });
  page.onPaper((on) => draw(on));
});
