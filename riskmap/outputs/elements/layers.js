// The tree of layers in groups, and the legend of those that are on.
riskmap.part(36, (page) => {
  const { el, map } = page, tree = page.at("rm-tree"), legend = page.at("rm-legend-body");
  const order = ["risk", "state", "traffic", "base", "added"];

  page.added.forEach(([label, layer], k) => page.addLayer({ id: `added-${k}`, group: "added", label, on: map.hasLayer(layer), key: () => [], show: (on) => (on ? layer.addTo(map) : layer.remove()) }));

  const box = (layer) => el("li", {}, el("label", {}, el("input", { type: "checkbox", "data-layer": layer.id, checked: layer.on, on: { change: (event) => page.switchLayer(layer, event.target.checked) } }), el("span", {}, page.name(layer.label))));
  const inGroup = (group) => page.layers.filter((layer) => layer.group === group);

  function grow() {
    const held = document.activeElement && document.activeElement.dataset && document.activeElement.dataset.layer;
    tree.replaceChildren(...order.filter((group) => inGroup(group).length).map((group) => el("fieldset", {}, el("legend", {}, page.t(`group_${group}`)), el("ul", {}, inGroup(group).map(box)))));
    if (held) [...tree.querySelectorAll("input")].find((input) => input.dataset.layer === held).focus();
  }

  const entry = ({ title, note, swatch, text }) => {
    if (title) return el("p", { class: "rm-key-title" }, title, note ? el("span", {}, note) : null);
    return swatch ? el("p", { class: "rm-key" }, swatch, el("span", {}, text)) : el("p", { class: "rm-key-note" }, note);
  };
  function explain() {
    const on = page.layers.filter((layer) => layer.on).sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
    const keys = on.map((layer) => layer.key()).filter((rows) => rows.length);
    // A key with a title of its own has a line to itself; the others follow one another.
    legend.replaceChildren(...keys.map((rows) => el("div", { class: rows[0].title ? "rm-keys rm-keys-wide" : "rm-keys" }, rows.map(entry))));
  }

  grow();
  explain();
  page.on(["layers"], () => { grow(); explain(); });
  page.on(["result", "top"], explain);
  // On a telephone the legend starts folded: the map comes first.
  if (window.innerWidth <= 760 || window.innerHeight < 500) page.at("rm-legend").open = false;
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
});
