// Light, dark, or as the system says: remembered, and told to whoever draws with colours.

const KEY = "leeway-colours";
const CHOICES = ["system", "light", "dark"];
const MARKS = { system: "◐", light: "☀", dark: "☾" };
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

export const chosen = () => (CHOICES.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "system");
export const onChange = (listener) => { listeners.add(listener); return () => listeners.delete(listener); };
let probe;
// What a colour of the style sheet is now: canvases do not know its variables.
export function colour(name) {
  probe ??= document.documentElement.appendChild(document.createElement("i"));
  probe.hidden = true;
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function apply() {
  const choice = chosen();
  const isDark = choice === "dark" || (choice === "system" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  listeners.forEach((listener) => listener());
}

export function start(button) {
  const show = () => {
    const choice = chosen();
    button.textContent = MARKS[choice];
    button.setAttribute("aria-label", `Colours: ${choice}. Change`);
    button.title = `Colours: ${choice}`;
  };
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, CHOICES[(CHOICES.indexOf(chosen()) + 1) % CHOICES.length]);
    show();
    apply();
  });
  dark.addEventListener("change", apply);
  show();
  apply();
}
