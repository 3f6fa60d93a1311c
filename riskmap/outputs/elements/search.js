// Search by corridor or place: a combobox of the ARIA pattern, accents and case ignored.
riskmap.part(34, (page) => {
  const { el } = page, box = page.at("rm-search"), menu = page.at("rm-found"), MOST = 12;
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  let found = [], at = -1;

  function candidates() {
    const corridors = page.rows().map((row) => ({ text: row.name, detail: page.t("rank_of", { rank: row.rank }), go: () => page.choose(row.id, { fly: true }) }));
    const sites = page.sites().map((site) => ({ text: site.name, detail: page.t(`kind_${site.kind}`), go: () => page.goTo(site) }));
    const rivers = page.option("basemap").riverNames.map(([lat, lng, text]) => ({ text, detail: page.t("kind_river"), go: () => map.setView([lat, lng], 10, { animate: false }), once: true }));
    return [...corridors, ...sites, ...rivers];
  }
  const { map } = page;

  function look() {
    const wanted = plain(box.value.trim()), seen = new Set();
    found = wanted ? candidates().filter((one) => plain(one.text).includes(wanted) && !(one.once && seen.has(one.text)) && seen.add(one.text)) : [];
    found = found.sort((a, b) => plain(b.text).startsWith(wanted) - plain(a.text).startsWith(wanted)).slice(0, MOST);
    at = -1;
    show();
    if (wanted) page.announce(page.t(found.length === 1 ? "found_one" : "found", { count: found.length }));
  }

  function show() {
    menu.replaceChildren(...found.map((one, k) => el("li", { role: "option", id: `rm-found-${k}`, "aria-selected": String(k === at), on: { mousedown: (event) => { event.preventDefault(); pick(k); } } },
      page.name(one.text), el("span", {}, ` ${one.detail}`))));
    menu.hidden = !found.length;
    box.setAttribute("aria-expanded", String(found.length > 0));
    if (at >= 0) box.setAttribute("aria-activedescendant", `rm-found-${at}`);
    else box.removeAttribute("aria-activedescendant");
  }

  function pick(k) {
    const one = found[k];
    if (!one) return;
    box.value = one.text;
    found = [];
    show();
    page.set({ view: "map" });
    one.go();
  }

  box.addEventListener("input", look);
  box.addEventListener("blur", () => { found = []; show(); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") return pick(Math.max(at, 0));
    if (event.key === "Escape") { found = []; return show(); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !found.length) return undefined;
    event.preventDefault();
    at = (at + step + found.length) % found.length;
    return show();
  });
});
