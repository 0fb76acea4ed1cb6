// The page: which part is shown, how often it is renewed, and what keys do everywhere.

import { h, say, state, text } from "./dom.js";
import { Refused, watch } from "./api.js";
import * as access from "./access.js";
import * as theme from "./theme.js";
import * as overview from "./overview.js";
import * as model from "./model.js";
import * as detectors from "./detectors.js";
import * as sql from "./sql.js";

const EVERY = 5_000;
const PAGES = { models: overview, detectors, sql };
const main = document.getElementById("main");
const live = document.getElementById("live");
const away = document.getElementById("away");

let shown = null;
let running = null;
let paused = false;
let timer = 0;

// `#/models/NAME/SECTION?key=value` in its parts.
export function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decode);
  return { page: parts[0] || "models", parts: parts.slice(1).filter(Boolean), query: new URLSearchParams(query) };
}

function decode(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

async function route({ focus = true } = {}) {
  const here = place();
  // The same part with another choice inside of it: it knows what to do.
  if (shown?.same?.(here)) return shown.follow(here);
  shown?.stop?.();
  const page = here.page === "models" && here.parts.length ? model : PAGES[here.page];
  document.querySelectorAll(".pages a[data-page]").forEach((link) => {
    if (link.dataset.page === here.page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  main.replaceChildren();
  if (!page) {
    document.title = "Nothing here · Leeway";
    main.append(h("h1.sr", { tabindex: "-1" }, "There is nothing here"), state("empty", "There is nothing here", "The address names no part of this page.", h("a.button", { href: "#/models" }, "All models")));
    shown = null;
    return;
  }
  main.className = `page-${page.name ?? here.page}`;
  shown = page.show(main, here);
  document.title = `${shown.title} · Leeway`;
  if (focus) {
    main.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
    say(shown.title);
  }
  await renew();
}

// Reads again what is shown. One at a time: a slow server is not asked twice.
export async function renew() {
  clearTimeout(timer);
  const page = shown;
  if (page && running !== page) {
    running = page;
    try {
      await page.refresh();
    } catch (error) {
      if (!(error instanceof Refused) && error?.name !== "AbortError") console.error(error);
    } finally {
      if (running === page) running = null;
    }
    main.dataset.renewed = String(Number(main.dataset.renewed ?? 0) + 1);
  }
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(renew, EVERY);
}

live.addEventListener("click", () => {
  paused = !paused;
  live.setAttribute("aria-pressed", String(!paused));
  text(live.querySelector(".word"), paused ? "Paused" : "Live");
  live.title = paused ? "Renews when asked to" : "Renews every five seconds";
  if (!paused) renew();
  else clearTimeout(timer);
});
live.title = "Renews every five seconds";

watch((status) => {
  away.hidden = status !== 0 && status !== 503;
  text(away, status === 0 ? "The server does not answer. What is shown may be out of date; this page goes on trying." : status === 503 ? "The server is busy or not ready. This page goes on trying." : "");
});

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : paused || renew()));
addEventListener("hashchange", () => route());
document.addEventListener("keydown", (event) => {
  const writes = event.target.closest?.("input, textarea, select, dialog");
  if (event.key === "/" && !writes && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = main.querySelector("input[type=search], textarea");
    if (search) { event.preventDefault(); search.focus(); search.select?.(); }
  }
});
document.querySelector(".skip").addEventListener("click", (event) => {
  // A hash is a part of the page here: the link must not change it.
  event.preventDefault();
  main.focus();
});

theme.start(document.getElementById("theme"));
access.start(document.getElementById("token"), renew);
route({ focus: false });
