// The page's state, words and DOM. Every string of the data reaches the document through
// textContent or an attribute named here, never as markup.
const riskmap = (() => {
  const parts = [], data = JSON.parse(document.getElementById("rm-data").textContent);
  // Before any marker that an analyst added is made.
  L.Icon.Default.mergeOptions(data.markerImages);
  const SVG = "http://www.w3.org/2000/svg";

  function fill(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "on") for (const [type, fn] of Object.entries(value)) node.addEventListener(type, fn);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return node;
  }
  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  // Names can be in any script and direction: each is its own island.
  const name = (text) => el("bdi", {}, text);
  const icon = (id) => svg("svg", { class: `rm-icon rm-icon-${id}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("use", { href: `#rm-i-${id}` }));

  class Page {
    constructor(map, data, added) {
      Object.assign(this, { map, data, added, el, svg, name, icon, listeners: [], layers: [], papers: [], asked: {} });
      this.state = { result: 0, corridor: null, top: Infinity, view: "map" };
      this.locale = data.language === "es" ? "es-PE" : "en";
    }
    at(id) { return document.getElementById(id); }
    t(key, values) {
      const text = this.data.words[key];
      if (text === undefined) throw new Error(`no word for ${key}`);
      return text.replace(/\{(\w+)\}/g, (all, slot) => (values && slot in values ? String(values[slot]) : all));
    }
    number(value, digits = 0) {
      if (value === null || value === undefined) return this.t("unknown");
      return value.toLocaleString(this.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    }
    percent(share) { return share === null || share === undefined ? this.t("unknown") : `${this.number(share * 100)} %`; }
    hours(value) { return value !== null && value < 0.05 ? `<${this.number(0.1, 1)}` : this.number(value, 1); }
    get result() { return this.data.results[this.state.result]; }
    option(part) { return this.data.options[part]; }
    on(keys, fn) { this.listeners.push([keys, fn]); }
    set(change) {
      const changed = Object.keys(change).filter((key) => this.state[key] !== change[key]);
      Object.assign(this.state, change);
      for (const [keys, fn] of this.listeners) if (keys.some((key) => changed.includes(key))) fn(changed);
    }
    // A layer that the reader can switch: {id, group, label, on, show(bool), key() -> legend rows}.
    addLayer(layer) {
      this.layers.push(layer);
      layer.first = layer.on;
      if (layer.id in this.asked) layer.on = this.asked[layer.id];
      layer.show(layer.on);
    }
    switchLayer(layer, on) {
      layer.on = on;
      layer.show(on);
      for (const [keys, fn] of this.listeners) if (keys.includes("layers")) fn(["layers"]);
    }
    pane(id, z) {
      const pane = this.map.createPane(id);
      pane.style.zIndex = z;
      pane.style.pointerEvents = "none";
      return id;
    }
    onPaper(fn) { this.papers.push(fn); }
    paper(on) { this.papers.forEach((fn) => fn(on)); }
    // Show a part of the map; readers who asked for less motion are taken there at once.
    fly(bounds, options) {
      const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches || document.body.classList.contains("rm-paper");
      if (still) this.map.fitBounds(bounds, { ...options, animate: false });
      else this.map.flyToBounds(bounds, { ...options, duration: 0.7 });
    }
    announce(text) { this.at("rm-live").textContent = text; }
  }

  function boot(map, added) {
    if (!("DecompressionStream" in window)) {
      document.getElementById("rm-story").textContent = data.words["too_old"];
      return null;
    }
    const page = new Page(map, data, added);
    map.attributionControl.setPrefix("Leaflet");
    map.fitBounds(page.data.bounds, { animate: false, padding: [12, 12] });
    for (const [, start] of parts.sort((a, b) => a[0] - b[0])) start(page);
    document.documentElement.dataset.riskmap = "ready";
    return page;
  }

  // Parts start in this order, whatever the order of their files.
  return { boot, part: (order, start) => parts.push([order, start]) };
})();
