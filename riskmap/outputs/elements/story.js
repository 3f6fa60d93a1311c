// What the map says first: study, season, date, a paragraph, the first three, and a switch.
riskmap.part(30, (page) => {
  const { el, t } = { el: page.el, t: page.t.bind(page) }, results = page.option("story").results;

  // Why a corridor ranks where it does, in two sentences.
  function brief(row) {
    const post = row.postHours === null ? t("first_no_post") : t("first_post", { post: row.post || t("unnamed"), hours: page.hours(row.postHours) });
    const most = ([pair]) => (pair ? `${pair[0]} (${page.percent(pair[1])})` : t("unknown"));
    const why = t("first_why", { undetected: page.number(row.undetected, row.undetected < 10 ? 1 : 0), origin: most(row.origins), site: most(row.sites) });
    return el("span", { class: "rm-first-why" }, page.name(why), " ", page.name(post));
  }
  page.card = (row) => el("div", { class: "rm-card" }, el("p", { class: "rm-card-kind" }, t("rank_of", { rank: row.rank })), el("p", { class: "rm-card-name" }, page.name(row.name)), brief(row));

  function first(row) {
    return el("li", {}, el("button", { type: "button", class: "rm-link", on: { click: () => page.choose(row.id, { fly: true }) } }, page.name(row.name)), brief(row));
  }

  function toLimits() {
    const limits = page.at("rm-limits").closest("details");
    limits.open = true;
    limits.querySelector("summary").focus({ preventScroll: true });
    limits.scrollIntoView({ block: "nearest" });
  }

  function tell() {
    const story = results[page.state.result];
    page.at("rm-title").textContent = story.title;
    page.at("rm-subtitle").textContent = story.subtitle;
    page.at("rm-story").replaceChildren(...story.paragraphs.map((text) => el("p", {}, text)),
      el("p", { class: "rm-first" }, t("first_three")), el("ol", {}, page.rows().slice(0, 3).map(first)), el("p", {}, story.certainty, " ", el("button", { type: "button", class: "rm-link rm-to-limits", on: { click: toLimits } }, t("limits"))));
    page.at("rm-statements").replaceChildren(...story.statements.map((text) => el("li", {}, page.name(text))));
    page.at("rm-limits").replaceChildren(...story.limits.map((text) => el("li", {}, page.name(text))));
    page.at("rm-sources").replaceChildren(...story.sources.map(([text, hash]) => el("li", {}, page.name(text), el("span", { class: "rm-hash" }, hash))));
  }

  function addSwitch() {
    const choice = (result, index) => el("label", { class: "rm-choice" },
      el("input", { type: "radio", name: "rm-result", value: index, checked: index === page.state.result, on: { change: () => page.set({ result: index, corridor: page.sameCorridor(index) }) } }), el("span", {}, page.name(result.label)));
    const set = page.at("rm-switch");
    set.append(...page.data.results.map(choice));
    set.hidden = page.data.results.length < 2;
    page.on(["result"], () => { set.querySelectorAll("input")[page.state.result].checked = true; });
  }

  // The corridor of another result that lies on the chosen one's water.
  page.sameCorridor = (index, row = page.row(page.state.corridor)) => {
    if (!row) return null;
    const all = page.option("corridors").results, place = all[page.state.result].same[index][page.rows().indexOf(row)];
    return place < 0 ? null : all[index].rows[place].id;
  };

  addSwitch();
  tell();
  page.on(["result"], tell);
});
