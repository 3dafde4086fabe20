"use strict";
(function () {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  root.classList.add("js");

  /* The map: light up what stands upstream of the chosen place. */
  const map = document.querySelector("svg.map");
  const edges = map ? Array.from(map.querySelectorAll(".edge")) : [];
  const nodes = map ? new Map(Array.from(map.querySelectorAll(".node"), (node) => [node.dataset.id, node])) : new Map();

  function choose(id) {
    const lit = new Set();
    const waiting = nodes.has(id) ? [id] : [];
    while (waiting.length) {
      const here = waiting.pop();
      if (lit.has(here)) continue;
      lit.add(here);
      for (const edge of edges) if (edge.dataset.to === here && !edge.classList.contains("dashed")) waiting.push(edge.dataset.from);
    }
    map.classList.toggle("picking", lit.size > 0);
    for (const [name, node] of nodes) {
      node.classList.toggle("chosen", name === id);
      node.classList.toggle("upstream", name !== id && lit.has(name));
    }
    for (const edge of edges) edge.classList.toggle("lit", lit.has(edge.dataset.to) && lit.has(edge.dataset.from) && !edge.classList.contains("dashed"));
  }

  let scale = 1;
  function zoom(factor) {
    const box = map.parentElement;
    const [, , width, height] = map.getAttribute("viewBox").split(" ").map(Number);
    scale = factor === 0 ? Math.min(1, (box.clientWidth - 2) / width) : Math.min(3, Math.max(0.1, scale * factor));
    map.setAttribute("width", width * scale);
    map.setAttribute("height", height * scale);
  }
  for (const button of document.querySelectorAll("[data-zoom]"))
    button.addEventListener("click", () => zoom({ in: 1.25, out: 0.8, fit: 0 }[button.dataset.zoom]));

  const find = byId("find-form");
  if (find) find.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId("find").value.trim().toLowerCase();
    const options = Array.from(byId("places").options);
    const named = (test) => text && options.find((option) => test(option.value.toLowerCase()));
    const hit = named((name) => name === text) || named((name) => name.startsWith(text)) || named((name) => name.includes(text));
    byId("find-answer").textContent = hit ? "" : "No such name.";
    if (hit) location.hash = hit.dataset.href;
  });

  /* Pages: one at a time where there is a script; what a reader searches for in the page opens its own. */
  const pages = Array.from(document.querySelectorAll(".page"));
  const links = Array.from(document.querySelectorAll(".contents a"));
  const name = document.title;

  function open(page) {
    for (const one of pages) {
      if (one === page) one.removeAttribute("hidden");
      else one.setAttribute("hidden", "until-found");
    }
    for (const link of links) {
      if (link.hash === "#" + page.id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const title = page.dataset.title || page.querySelector("h2").textContent;
    document.title = page === pages[0] ? name : title + " – " + name;
  }
  addEventListener("beforematch", (event) => { const page = event.target.closest(".page"); if (page) open(page); });

  for (const button of document.querySelectorAll("[data-print]"))
    button.addEventListener("click", () => {
      root.classList.toggle("only-summary", button.dataset.print === "summary");
      print();
      root.classList.remove("only-summary");
    });

  /* The evidence: rows in the page, or drawn on demand from the data beside it. */
  const PAGE = 100;
  const body = document.querySelector("#rows-table tbody");
  const form = byId("filter");
  const model = body.rows.length ? body.rows[0].cloneNode(true) : null;
  const cell = (row, name) => { const found = row.querySelector('[data-f="' + name + '"]'); return found ? found.textContent : ""; };
  const SELECTS = ["measure", "subject", "status", "basis"];
  const lazy = Boolean(byId("rows"));
  let items = lazy ? [] : Array.from(body.rows, (row) => ({ row, anchor: row.id, text: row.textContent.toLowerCase(), ...Object.fromEntries(SELECTS.map((name) => [name, cell(row, name)])) }));
  let shown = items;

  async function unpack() {
    const bytes = Uint8Array.from(atob(byId("rows").textContent), (char) => char.charCodeAt(0));
    const data = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
    items = data.rows.map((row) => Object.fromEntries(data.fields.map((field, index) => [field, data.texts[row[index]]])));
    shown = items;
  }
  let page = 0;

  function draw(item) {
    const row = model.cloneNode(true);
    row.id = item.anchor;
    for (const slot of row.querySelectorAll("[data-f]")) {
      const field = slot.dataset.f;
      if (field === "what") continue;
      slot.textContent = field === "derived" && item.derived ? "derived from " + item.derived : item[field];
      if (field === "id") { slot.href = "#" + item.anchor; slot.setAttribute("aria-label", "Row " + item.id); }
    }
    return row;
  }

  function turn(to) {
    const last = Math.max(0, Math.ceil(shown.length / PAGE) - 1);
    page = Math.min(last, Math.max(0, to));
    body.replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(draw));
    byId("page").textContent = "Page " + (page + 1) + " of " + (last + 1);
  }

  function matches(item, wanted, words) {
    for (const name of SELECTS) {
      const want = wanted[name];
      if (want && (name === "measure" && want.endsWith(".") ? !item.measure.startsWith(want) : item[name] !== want)) return false;
    }
    if (!words.length) return true;
    if (item.text === undefined) item.text = Object.values(item).join(" ").toLowerCase();
    return words.every((word) => item.text.includes(word));
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(form));
    const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
    shown = items.filter((item) => matches(item, wanted, words));
    if (lazy) turn(0);
    else { const kept = new Set(shown); for (const item of items) item.row.hidden = !kept.has(item); }
    const number = (count) => count.toLocaleString("en-US");
    byId("count").textContent = shown.length === items.length ? number(items.length) + " rows." : number(shown.length) + " of " + number(items.length) + " rows.";
  }

  let waiting = 0;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(filter, 150); };
  form.addEventListener("input", later);
  form.addEventListener("reset", later);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("[data-page]")) button.addEventListener("click", () => turn(page + Number(button.dataset.page)));

  /* Arriving at a place in the page: draw or reveal it first. */
  function arrive() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (map) choose(id);
    for (const row of body.querySelectorAll(".aim")) row.classList.remove("aim");
    let target = byId(id);
    if (id.startsWith("ev-") && (!target || target.hidden)) {
      if (form.text.value || SELECTS.some((name) => form[name].value)) { form.reset(); filter(); }
      const at = lazy ? items.findIndex((item) => item.anchor === id) : -1;
      if (at >= 0) turn(Math.floor(at / PAGE));
      target = byId(id);
      if (target) { target.classList.add("aim"); target.scrollIntoView({ block: "center" }); }
    }
    const page = (target && target.closest(".page")) || pages[0];
    open(page);
    if (!target) return;
    if (target === page) { scrollTo(0, 0); const heading = page.querySelector("h2"); if (heading) heading.focus({ preventScroll: true }); return; }
    for (let outer = target; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
    if (target.classList.contains("panel")) { target.focus({ preventScroll: true }); target.scrollIntoView({ block: "nearest" }); }
    else if (!target.classList.contains("aim")) target.scrollIntoView({ block: "start" });
  }
  addEventListener("hashchange", arrive);
  arrive();
  if (lazy) unpack().then(() => { filter(); if (location.hash.startsWith("#ev-")) arrive(); });
})();
