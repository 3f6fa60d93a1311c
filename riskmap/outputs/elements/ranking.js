// The ranked list beside the map; choosing a corridor opens why it ranks where it does.
riskmap.part(32, (page) => {
  const { el } = page, t = page.t.bind(page), list = page.at("rm-list"), STEP = 60;
  let rendered = 0;

  const interval = (row) => (row.rankLow === null ? null : t("rank_interval", { low: page.number(row.rankLow), high: page.number(row.rankHigh) }));
  page.interval = interval;
  const hours = (value) => (value === null ? t("no_post") : t("hours", { hours: page.hours(value) }));

  function bar(row) {
    const rest = page.svg("rect", { width: 100, height: 6, rx: 3, fill: "#e3e6ea" });
    const part = page.svg("rect", { width: Math.max(1, row.score), height: 6, rx: 3, fill: page.classOf(row).color });
    return page.svg("svg", { class: "rm-bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, rest, part);
  }

  function shares(title, pairs) {
    if (!pairs.length) return null;
    const rows = pairs.slice(0, 6).map(([who, share]) => el("li", {}, page.name(who), " ", el("b", {}, page.percent(share))));
    return el("div", { class: "rm-why-part" }, el("h4", {}, title), el("ul", {}, rows, pairs.length > 6 ? el("li", {}, t("and_more", { count: pairs.length - 6 })) : null));
  }
  const named = (title, names) => (names.length ? el("div", { class: "rm-why-part" }, el("h4", {}, title), el("p", {}, names.map((one, k) => [k ? "; " : "", page.name(one)]))) : null);

  function posts(row) {
    if (!row.posts.length) return el("div", { class: "rm-why-part" }, el("h4", {}, t("why_posts")), el("p", {}, t("why_no_posts")));
    return el("div", { class: "rm-why-part" }, el("h4", {}, t("why_posts")),
      el("ul", {}, row.posts.slice(0, 6).map(([who, effective]) => el("li", {}, page.name(who), " ", el("b", {}, t("hours_month", { hours: page.number(effective, 1) }))))));
  }

  function elsewhere(row) {
    const others = page.data.results.map((result, index) => [result, index]).filter(([, index]) => index !== page.state.result);
    return others.map(([result, index]) => {
      const id = page.sameCorridor(index, row), other = id && page.option("corridors").results[index].rows.find((one) => one.id === id);
      return el("p", { class: "rm-elsewhere" }, page.name(result.label), ": ", other ? t("elsewhere", { rank: other.rank, transits: page.number(other.undetected, 1), mine: page.number(row.undetected, 1) }) : t("elsewhere_not"),
        other && other.name !== row.name ? [" ", page.name(`(${other.name})`)] : null);
    });
  }

  page.why = why;
  function why(row, id = "rm-why") {
    const main = t(page.data.relative ? "why_main_relative" : "why_main", { transits: page.number(row.transits, 1), undetected: page.number(row.undetected, 1), share: page.percent(row.detection) });
    const gain = row.gain === null ? null : t("why_gain", { gain: page.number(row.gain, row.gain < 1 ? 2 : 1) });
    const range = row.rankLow === null ? t("why_no_interval") : t("why_interval", { low: page.number(row.rankLow), mid: page.number(row.rankMiddle), high: page.number(row.rankHigh) });
    return el("div", { class: "rm-why", id, role: "region", "aria-label": t("why_of", { name: row.name }) },
      el("h3", {}, t(id === "rm-why" ? "why" : "why_of", { name: row.name })), el("p", {}, main), gain ? el("p", {}, gain) : null,
      shares(t("why_origins"), row.origins), shares(t("why_sites"), row.sites), posts(row),
      el("p", {}, row.postHours === null ? t("why_nearest_none") : t("why_nearest", { post: row.post || t("unnamed"), hours: page.hours(row.postHours) })),
      named(t("why_borders"), row.borders), named(t("why_areas"), row.areas),
      row.evidence ? el("p", { class: "rm-evidence" }, t(`evidence_${row.evidence}`)) : null,
      el("p", {}, range, row.topTen === null ? "" : ` ${t("why_top_ten", { share: page.percent(row.topTen) })}`), elsewhere(row));
  }

  function item(row) {
    const open = row.id === page.state.corridor;
    const facts = [t("km", { km: page.number(row.km) }), hours(row.postHours), interval(row)].filter(Boolean).join(" · ");
    const button = el("button", { type: "button", class: "rm-row", "aria-expanded": String(open), on: { click: () => page.choose(open ? null : row.id, { fly: true, stay: true }) } },
      el("span", { class: "rm-rank" }, String(row.rank)), el("span", { class: "rm-row-text" }, el("span", { class: "rm-row-name" }, page.name(row.name)), el("span", { class: "rm-row-facts" }, facts),
        row.evidence ? el("span", { class: "rm-badge" }, t(`evidence_badge_${row.evidence}`)) : null),
      el("span", { class: "rm-row-score" }, el("span", {}, page.number(row.score)), bar(row)));
    return el("li", { class: open ? "rm-open" : "", "data-rank": row.rank }, button, open ? why(row) : null);
  }

  function render(least = STEP) {
    const rows = page.visibleRows(), chosen = rows.findIndex((row) => row.id === page.state.corridor);
    rendered = Math.min(rows.length, Math.max(least, chosen + 1));
    list.replaceChildren(...rows.slice(0, rendered).map(item));
    const more = page.at("rm-more");
    more.hidden = rendered >= rows.length;
    more.textContent = t("more", { count: Math.min(STEP, rows.length - rendered) });
  }

  function reveal() {
    const held = list.contains(document.activeElement);
    render(rendered);
    const open = list.querySelector(".rm-open");
    if (!open) return;
    if (held) open.querySelector("button").focus({ preventScroll: true });
    page.at("rm-tab-ranking").open = true;
    if (getComputedStyle(page.at("rm-panel")).overflowY === "auto") open.scrollIntoView({ block: "nearest" });
  }

  // Up and down walk the list, as in any list.
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], buttons = [...list.querySelectorAll(".rm-row")], at = buttons.indexOf(document.activeElement);
    if (!step || at < 0 || !buttons[at + step]) return;
    event.preventDefault();
    buttons[at + step].focus();
  });
  page.at("rm-more").addEventListener("click", () => render(rendered + STEP));

  const slider = page.at("rm-top");
  function limit() {
    const all = page.rows().length;
    slider.max = all;
    slider.value = Math.min(page.state.top, all);
    page.at("rm-top-out").textContent = t("showing", { shown: Math.min(page.state.top, all), all });
  }
  slider.addEventListener("input", () => page.set({ top: Number(slider.value) >= page.rows().length ? Infinity : Number(slider.value) }));
  page.on(["result", "top"], () => { limit(); render(); });
  page.on(["corridor"], reveal);
  limit();
  render();
});
