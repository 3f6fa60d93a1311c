// View, result, chosen corridor, filter and layers in the fragment: it survives reload and mail.
riskmap.part(5, (page) => {
  const read = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const asked = read();
  for (const id of (asked.off || "").split(" ")) if (id) page.asked[id] = false;
  for (const id of (asked.on || "").split(" ")) if (id) page.asked[id] = true;

  function stateOf(link) {
    const result = page.data.results.findIndex((one) => one.key === link.r), top = parseInt(link.n, 10);
    return { result: Math.max(0, result), corridor: link.c || null, top: top > 0 ? top : Infinity, view: link.t === "table" ? "table" : "map" };
  }
  function viewOf(link) {
    const [zoom, lat, lng] = (link.v || "").split("/").map(Number);
    if ([zoom, lat, lng].every(Number.isFinite) && link.v) page.map.setView([lat, lng], zoom, { animate: false });
  }
  Object.assign(page.state, stateOf(asked));
  const known = page.option("corridors").results[page.state.result].rows.some((row) => row.id === page.state.corridor);
  if (!known) page.state.corridor = null;
  viewOf(asked);

  let written = location.hash;
  page.link = () => {
    const { lat, lng } = page.map.getCenter(), { corridor, top, view } = page.state, link = new URLSearchParams();
    link.set("v", `${+page.map.getZoom().toFixed(2)}/${lat.toFixed(4)}/${lng.toFixed(4)}`);
    if (page.data.results.length > 1) link.set("r", page.result.key);
    if (corridor !== null) link.set("c", corridor);
    if (Number.isFinite(top)) link.set("n", top);
    if (view === "table") link.set("t", "table");
    const off = page.layers.filter((layer) => !layer.on && layer.first), on = page.layers.filter((layer) => layer.on && !layer.first);
    if (off.length) link.set("off", off.map((layer) => layer.id).join(" "));
    if (on.length) link.set("on", on.map((layer) => layer.id).join(" "));
    return `#${link}`;
  };
  function write() {
    // A page inside a notebook has no address of its own.
    if (location.protocol === "about:" || document.body.classList.contains("rm-paper")) return;
    written = page.link();
    history.replaceState(null, "", written);
  }
  window.addEventListener("hashchange", () => {
    if (location.hash === written) return;
    const link = read();
    viewOf(link);
    page.set(stateOf(link));
  });
  page.map.on("moveend", write);
  page.on(["result", "corridor", "top", "view", "layers"], write);
});
