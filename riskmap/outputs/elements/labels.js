// Names on the map that do not cover one another: the more important is placed first.
riskmap.part(10, (page) => {
  const { map } = page, providers = [], group = L.layerGroup().addTo(map), MOST = 90;
  page.pane("rm-labels", 640);
  const canvas = document.createElement("canvas").getContext("2d");
  const looks = {
    rank: { font: "700 12px system-ui, sans-serif", pad: 10, centre: true, weight: 0 },
    site: { font: "600 11px system-ui, sans-serif", pad: 2, shift: 12, weight: 1000 },
    town: { font: "600 12px system-ui, sans-serif", pad: 2, shift: 7, weight: 500 },
    mine: { font: "600 11.5px system-ui, sans-serif", pad: 6, centre: true, weight: 2500 },
    stem: { font: "italic 600 11.5px system-ui, sans-serif", pad: 8, line: true, weight: 700 },
    river: { font: "italic 500 11.5px system-ui, sans-serif", pad: 14, line: true, weight: 3000 },
    area: { font: "italic 600 11.5px system-ui, sans-serif", pad: 14, centre: true, weight: 4000 },
  };

  // Where a name could stand: on its place; beside a symbol, right or left; off a line, above or below.
  function rectangles(label, look) {
    const p = map.latLngToContainerPoint(label.at);
    canvas.font = look.font;
    const width = Math.min(canvas.measureText(label.text).width, 240) + look.pad;
    const middle = p.x - width / 2, beside = [["right", p.x + look.shift, 0], ["left", p.x - look.shift - width, 0]];
    const sides = look.line ? [["above", middle, -16], ["below", middle, 16]] : look.centre ? [["centre", middle, 0]] : beside;
    return sides.map(([side, left, down]) => ({ side, box: [left, p.y + down - 9, left + width, p.y + down + 9] }));
  }
  const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

  function put(label, side) {
    const node = page.el("span", { class: `rm-label rm-label-${label.look}${label.first ? " rm-label-first" : ""}` }, page.name(label.text));
    const html = page.el("div", { class: `rm-label-${side}` }, node);
    L.marker(label.at, { pane: "rm-labels", interactive: false, keyboard: false, icon: L.divIcon({ className: "", iconSize: [0, 0], html }) }).addTo(group);
  }

  function place() {
    group.clearLayers();
    const size = map.getSize(), named = new Set();
    const wanted = providers.flatMap((give) => give());
    const taken = wanted.filter((label) => label.block).map((label) => {
      const p = map.latLngToContainerPoint(label.at);
      return [p.x - label.block, p.y - label.block, p.x + label.block, p.y + label.block];
    });
    const order = (label) => looks[label.look].weight + label.rank, ranks = [];
    const inside = (box) => box[0] >= 0 && box[1] >= 0 && box[2] <= size.x && box[3] <= size.y;
    let placed = 0;
    for (const label of wanted.filter((one) => one.text).sort((a, b) => order(a) - order(b))) {
      if (label.once && named.has(label.text)) continue;
      // A rank may cover a symbol, but no other rank; a name covers nothing.
      const others = label.look === "rank" ? ranks : taken;
      const free = rectangles(label, looks[label.look]).find(({ box }) => inside(box) && !others.some((other) => meet(box, other)));
      if (!free) continue;
      taken.push(free.box);
      if (label.look === "rank") ranks.push(free.box);
      named.add(label.text);
      put(label, free.side);
      if (++placed >= MOST) return;
    }
  }

  let waiting = 0;
  page.labels = {
    provide: (give) => providers.push(give),
    // Many changes ask at once; the names are placed once, before the next picture.
    place: () => { if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; place(); }); },
    now: place,
  };
  map.on("moveend zoomend resize", page.labels.place);
});
