// Who cannot get out: a ring round each venue and mining area, by hours to the nearest help.
riskmap.part(19, (page) => {
  const { map, el } = page, options = page.option("access"), classes = options.classes;
  const sites = () => options.results[page.state.result];
  if (!options.results.some((rows) => rows.length)) return;
  page.pane("rm-access", 625);
  map.getPane("rm-access").style.pointerEvents = "auto";
  const group = L.layerGroup(), canvas = L.canvas({ pane: "rm-access", padding: 0.3, tolerance: 3 });

  const hours = (value) => (value === null ? page.t("access_no_way") : page.t("access_hours", { hours: page.hours(value) }));
  const heads = ["access_help", "access_out_low", "access_out_high", "access_in_low", "access_in_high"];
  const line = (help) => el("tr", {}, el("th", { scope: "row" }, help.kind, help.nearest ? el("span", { class: "rm-card-kind" }, page.name(` ${help.nearest}`)) : null),
    ["toLow", "toHigh", "fromLow", "fromHigh"].map((key) => el("td", {}, hours(help[key]))));
  const card = (site) => el("div", { class: "rm-card rm-access-card" }, el("p", { class: "rm-card-kind" }, page.t(`kind_${site.kind}`)), el("p", { class: "rm-card-name" }, page.name(site.name)),
    el("p", {}, site.hours === null ? page.t("access_none") : page.t(site.cutOff ? "access_cut_off" : "access_within", { hours: page.hours(site.hours) })),
    el("table", {}, el("thead", {}, el("tr", {}, heads.map((key) => el("th", { scope: "col" }, page.t(key))))), el("tbody", {}, site.help.map(line))));

  function draw() {
    group.clearLayers();
    for (const site of sites()) {
      const color = classes[site.class].color;
      L.circleMarker(site.at, { renderer: canvas, radius: 13, weight: site.class >= 2 ? 5 : 3, color, fill: true, fillColor: color, fillOpacity: 0.12 })
        .bindPopup(() => card(site), { className: "rm-popup", maxWidth: 420 }).addTo(group);
    }
  }
  const ring = (k) => page.svg("svg", { viewBox: "0 0 32 16", "aria-hidden": "true" }, page.svg("circle", { cx: 16, cy: 8, r: 5.5, fill: "none", stroke: classes[k].color, "stroke-width": k >= 2 ? 3.5 : 2 }));
  const text = (k) => (k === classes.length - 1 ? page.t("access_no_way") : k === classes.length - 2 ? page.t("access_over", { low: classes[k].from }) : page.t("access_range", { low: classes[k].from, high: classes[k + 1].from }));
  page.addLayer({ id: "access", group: "state", label: page.t("layer_access"), on: false,
    show: (on) => { if (on) { draw(); group.addTo(map); } else group.remove(); },
    key: () => [{ title: page.t("access_title"), note: page.t("access_note") }, ...classes.map((_, k) => ({ swatch: ring(k), text: text(k) }))] });
  page.on(["result"], () => { if (map.hasLayer(group)) draw(); });
});
