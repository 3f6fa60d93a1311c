// The quiet base: water, roads, patrolled water, areas, borders, and the names of rivers and areas.
riskmap.part(15, (page) => {
  const { map } = page, options = page.option("basemap"), lineLayers = [];
  const line = (style) => page.svg("svg", { class: "rm-swatch", viewBox: "0 0 36 16", "aria-hidden": "true" },
    page.svg("line", { x1: 2, x2: 34, y1: 8, y2: 8, stroke: style.color, "stroke-width": style.width || style.weight, "stroke-dasharray": style.dash || style.dashArray }));
  const box = (style) => page.svg("svg", { class: "rm-swatch", viewBox: "0 0 36 16", "aria-hidden": "true" },
    page.svg("rect", { x: 2, y: 2, width: 32, height: 12, fill: style.fillColor, "fill-opacity": style.fillOpacity, stroke: style.color, "stroke-width": style.weight, "stroke-dasharray": style.dashArray }));

  // Lines of one blob, in the classes of `styles`; decoded once, when first shown.
  function canvasLayer({ blob, styles, pane }) {
    const passes = (zoom) => styles.map((style, kind) => ({ has: (i) => layer.lines.kind[i] === kind, color: style.color, width: style.width * (zoom < 8 ? 0.7 : 1), dash: style.dash }));
    let layer = null, wanted = false;
    return {
      async show(on) {
        wanted = on;
        if (on && !layer) {
          layer = new CanvasLines(null, { pane, passes });
          layer.lines = await unpackLines(blob);
        }
        if (layer && layer.lines) wanted ? layer.addTo(map) : layer.remove();
      },
      paper(on) { if (layer && layer.lines && wanted) layer.paper(on); },
    };
  }

  page.pane("rm-water", 320);
  page.pane("rm-patrol", 330);
  function addLines(id, { group, label, on, blob, styles, pane, names }) {
    const layer = canvasLayer({ blob, styles, pane });
    lineLayers.push(layer);
    const rows = () => styles.map((style, k) => ({ swatch: line(style), text: names[k] }));
    page.addLayer({ id, group, label, on, key: rows, show: (shown) => layer.show(shown) });
    return layer;
  }

  // What comes after the scripts in the file is there once the document is.
  const late = (start) => (document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start());
  for (const item of options.lines) {
    late(() => {
      addLines(item.id, { ...item, label: page.t(`layer_${item.id}`), names: item.styles.map((style) => page.t(style.name)), pane: "rm-water" });
      page.set({ layers: item.id });
    });
  }

  late(() => {
    const stores = options.patrol.map((blob) => canvasLayer({ blob, styles: options.patrolStyles, pane: "rm-patrol" }));
    lineLayers.push(...stores);
    let shown = false;
    const show = (on) => { shown = on; stores.forEach((layer, index) => layer.show(on && index === page.state.result)); };
    page.addLayer({ id: "patrol", group: "state", label: page.t("layer_patrol"), on: false, show,
      key: () => [{ title: page.t("patrol_unit") }, ...options.patrolStyles.map((style) => ({ swatch: line(style), text: page.t(style.name) }))] });
    page.on(["result"], () => show(shown));
    page.set({ layers: "patrol" });
  });

  // Areas and borders: few enough for Leaflet's own canvas.
  const inside = ([x, y], ring) => ring.reduce((odd, [by, bx], k) => {
    const [ay, ax] = ring[(k || ring.length) - 1];
    return (by > y) !== (ay > y) && x < ((ax - bx) * (y - by)) / (ay - by) + bx ? !odd : odd;
  }, false);
  const contains = (feature, at) => feature.rings.some((polygon) => polygon.filter((ring) => inside([at.lng, at.lat], ring)).length % 2 === 1);

  const areaLayers = options.areas.map((item, order) => {
    const pane = page.pane(`rm-area-${item.id}`, 250 + order), canvas = L.canvas({ pane, padding: 0.3 }), vectors = L.svg({ pane, padding: 0 });
    const group = L.layerGroup();
    function build(paper) {
      group.clearLayers();
      item.features.forEach((feature) => {
        const style = { ...item.styles[feature.style], pane, renderer: paper ? vectors : canvas, interactive: false };
        group.addLayer(item.open ? L.polyline(feature.rings, { ...style, fill: false }) : L.polygon(feature.rings, style));
      });
    }
    build(false);
    const used = item.styles.filter((style, s) => item.features.some((feature) => feature.style === s));
    const layer = { ...item, build, label: page.t(`layer_${item.id}`), show: (on) => { on ? group.addTo(map) : group.remove(); page.labels.place(); },
      key: () => used.map((style) => ({ swatch: item.open ? line(style) : box(style), text: page.t(style.name) })) };
    page.addLayer(layer);
    return layer;
  });

  page.labels.provide(() => {
    const zoom = map.getZoom(), rivers = options.riverNames.map(([lat, lng, text], rank) => ({ at: L.latLng(lat, lng), text, look: rank < 64 ? "stem" : "river", rank, once: true }));
    const areas = areaLayers.filter((item) => item.on && item.named).flatMap((item) => item.features.filter((feature) => feature.label && zoom >= feature.fromZoom)
      .map((feature, rank) => ({ at: L.latLng(feature.label), text: feature.name, look: item.id === "mining_areas" ? "mine" : "area", rank, once: true })));
    const seen = map.getBounds();
    return [...rivers, ...areas].filter((label) => seen.contains(label.at));
  });

  // A click on no corridor says which areas are there.
  page.describe = (at) => {
    const found = areaLayers.filter((item) => item.on && !item.open).flatMap((item) => item.features.filter((feature) => contains(feature, at)).map((feature) => [item, feature]));
    if (!found.length) return;
    const rows = found.slice(0, 6).map(([item, feature]) => page.el("p", {}, page.el("strong", {}, item.label), ": ", page.name(feature.name || page.t("unnamed")), feature.detail ? page.el("span", {}, " · ", feature.detail.map((one) => page.t(one)).join(" · ")) : null));
    L.popup({ className: "rm-popup", maxWidth: 300 }).setLatLng(at).setContent(page.el("div", {}, rows)).openOn(map);
  };

  page.onPaper((on) => {
    lineLayers.forEach((layer) => layer.paper(on));
    areaLayers.filter((item) => item.on).forEach((item) => item.build(on));
  });
});

// Lines of longitude and latitude with their figures at the edge, the scale bar and the north.
riskmap.part(16, (page) => {
  const { map } = page, pane = page.pane("rm-graticule", 240), group = L.layerGroup();
  const renderer = L.svg({ pane }), style = { pane, renderer, color: "#8a94a0", weight: 0.7, opacity: 0.55, dashArray: "1 4", interactive: false };
  const steps = [20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
  let shown = true;

  const figure = (value, positive, negative) => {
    const digits = Math.abs(value % 1) < 1e-9 ? 0 : value.toFixed(3).replace(/0+$/, "").split(".")[1].length;
    return `${page.number(Math.abs(value), digits)}° ${value === 0 ? "" : page.t(value < 0 ? negative : positive)}`;
  };
  function label(at, text, side) {
    const html = page.el("div", { class: `rm-degree rm-degree-${side}` }, text);
    L.marker(at, { pane, interactive: false, keyboard: false, icon: L.divIcon({ className: "", iconSize: [0, 0], html }) }).addTo(group);
  }
  function draw() {
    group.clearLayers();
    if (!shown) return;
    const b = map.getBounds(), width = b.getEast() - b.getWest(), step = steps.find((s) => width / s >= 4) || steps[steps.length - 1];
    for (let k = Math.ceil(b.getWest() / step); k * step < b.getEast(); k++) {
      L.polyline([[Math.max(b.getSouth(), -85), k * step], [Math.min(b.getNorth(), 85), k * step]], style).addTo(group);
      label([b.getSouth(), k * step], figure(k * step, "east", "west"), "south");
    }
    for (let k = Math.ceil(b.getSouth() / step); k * step < b.getNorth(); k++) {
      L.polyline([[k * step, b.getWest()], [k * step, b.getEast()]], style).addTo(group);
      label([k * step, b.getWest()], figure(k * step, "north", "south"), "west");
    }
  }
  map.on("moveend", draw);
  page.addLayer({ id: "graticule", group: "base", label: page.t("layer_graticule"), on: true, key: () => [], show: (on) => { shown = on; on ? group.addTo(map) : group.remove(); draw(); } });

  L.control.scale({ imperial: false, position: "bottomright", maxWidth: 140 }).addTo(map);
  const north = L.control({ position: "bottomright" });
  north.onAdd = () => page.el("div", { class: "rm-north", role: "img", "aria-label": page.t("north_up") },
    page.svg("svg", { viewBox: "0 0 24 34", width: 22, height: 31, "aria-hidden": "true" }, page.svg("path", { d: "M12 11 L18 32 L12 27 L6 32 Z", fill: "#22303c" }),
      page.svg("text", { x: 12, y: 9, "text-anchor": "middle", "font-size": 10, "font-weight": 700, fill: "#22303c" }, page.t("north"))));
  north.addTo(map);
  if (page.data.tiles && navigator.onLine) {
    L.tileLayer(page.data.tiles.address, { attribution: "", maxZoom: 18, className: "rm-online" }).addTo(map);
    const credit = page.el("span", {}, page.data.tiles.attribution);
    map.attributionControl.addAttribution(credit.innerHTML);
  }
});
