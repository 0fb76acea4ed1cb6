// Words that tell the current texts from those of the reference: how many texts have them, then and now.

import { h } from "./dom.js";
import { number, percent } from "./format.js";

// A list out of the detail of a measurement, the word that tells most first.
export function words(list) {
  const top = Math.max(...list.flatMap((one) => [one.reference, one.current])) || 1;
  const row = ({ word, reference, current }) => {
    const bars = h("span.bars", {}, h("i.reference"), h("i.current"));
    bars.children[0].style.width = `${(100 * reference) / top}%`;
    bars.children[1].style.width = `${(100 * current) / top}%`;
    return h("li", { title: `${word}: in ${percent(reference)} of the reference's texts, ${percent(current)} of the current ones` }, h("span.name", {}, word), bars,
      h("span.share", {}, percent(current), h("span.dim", {}, ` ${current >= reference ? "+" : "−"}${number(Math.abs(100 * (current - reference)))}`)));
  };
  return h("ul.categories", { "aria-label": "Words that give the window away: share of the current texts that have them, and by how many points it changed" }, ...list.map(row));
}
