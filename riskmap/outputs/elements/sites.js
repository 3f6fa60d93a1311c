// Posts, checkpoints, entry points, venues, landings, settlements: icons, popups and names.
riskmap.part(18, (page) => {
  const { map } = page, options = page.option("sites"), MOST = 600, layers = [];
  page.pane("rm-sites", 630).length;
  map.getPane("rm-sites").style.pointerEvents = "auto";

  const sitesOf = (id) => options.results[page.state.result][id] || [];
  const fact = (key, value) => page.t(`fact_${key}`, { value: typeof value === "number" ? value.toLocaleString(page.locale, { maximumFractionDigits: 2 }) : page.data.words[`value_${value}`] || value });

  function card(kind, site) {
    return page.el("div", { class: "rm-card" }, page.el("p", { class: "rm-card-kind" }, page.t(`kind_${kind}`)), page.el("p", { class: "rm-card-name" }, page.name(site.name)),
      page.el("ul", {}, Object.entries(site.facts).map(([key, value]) => page.el("li", {}, fact(key, value)))),
      site.invented ? page.el("p", { class: "rm-card-note" }, page.t("invented_one")) : null,
      site.note ? page.el("p", { class: "rm-card-note" }, page.name(site.note)) : null);
  }

  function marker(kind, site) {
    // Sites are many; the reader of a keyboard finds them by the search and in the table.
    const shape = L.divIcon({ className: `rm-site rm-site-${kind}`, iconSize: [20, 20], html: page.el("span", {}, page.icon(kind)) });
    return L.marker(site.at, { icon: shape, pane: "rm-sites", keyboard: false })
      .bindTooltip(() => page.el("span", {}, page.name(site.name)), { className: "rm-tip", direction: "top", offset: [0, -8] })
      .bindPopup(() => card(kind, site), { className: "rm-popup", maxWidth: 280 });
  }

  options.kinds.forEach(({ id, group, on }) => {
    const cluster = L.layerGroup(), layer = { id, group, on, label: page.t(`layer_${id}`) };
    layer.inView = () => {
      const seen = map.getBounds().pad(0.1);
      return layer.on ? sitesOf(id).filter((site) => seen.contains(site.at)).slice(0, MOST) : [];
    };
    layer.refresh = () => {
      cluster.clearLayers();
      layer.inView().forEach((site) => marker(id, site).addTo(cluster));
    };
    layer.show = (shown) => {
      layer.on = shown;
      layer.refresh();
      shown ? cluster.addTo(map) : cluster.remove();
      page.labels.place();
    };
    layer.key = () => [{ swatch: page.icon(id), text: page.t(`kind_${id}`) }];
    layers.push(layer);
    page.addLayer(layer);
  });

  // Where hundreds of symbols are in view, each is small: the corridors come first.
  const crowd = () => map.getContainer().classList.toggle("rm-crowded", layers.reduce((sum, layer) => sum + layer.inView().length, 0) > 150);
  map.on("moveend", crowd);
  page.on(["layers", "result"], crowd);
  crowd();

  // An open popup keeps its marker: refreshing would close it under the reader's eyes.
  map.on("moveend", () => layers.filter((layer) => layer.on && sitesOf(layer.id).length > MOST).forEach((layer) => layer.refresh()));
  page.on(["result"], () => { layers.forEach((layer) => layer.refresh()); page.labels.place(); });

  // Towns first, for they say where one is; the many sites are named where there is room for them.
  const lookOf = (id, rank) => (id === "settlements" ? { look: "town", block: 5, rank: rank % 100 } : { look: "site", block: 9, rank: id === "venues" ? rank + 5000 : rank });
  page.labels.provide(() => layers.flatMap((layer, k) => layer.inView().map((site, rank) => ({
    at: L.latLng(site.at), text: site.name, ...lookOf(layer.id, rank + 100 * k),
  }))));

  page.sites = () => options.kinds.flatMap(({ id }) => sitesOf(id).map((site) => ({ kind: id, ...site })));
  page.fact = fact;
  page.goTo = (site) => {
    const layer = layers.find((one) => one.id === site.kind);
    if (!layer.on) page.switchLayer(layer, true);
    map.setView(site.at, Math.max(map.getZoom(), 10), { animate: false });
    L.popup({ className: "rm-popup", maxWidth: 280 }).setLatLng(site.at).setContent(card(site.kind, site)).openOn(map);
  };
});
