// Who the reader is: a token for this tab, asked for when the server wants one.

import { keep, token, watch } from "./api.js";
import { h, id, text } from "./dom.js";

let dialog, note, button, renewed;

export function start(given, renew) {
  button = given;
  renewed = renew;
  button.addEventListener("click", () => open());
  show();
  watch((status) => {
    if (status === 401 && !dialog?.open && !dismissed) open(token() ? "The server does not know this token, or it has expired." : "");
    if (status === 401) button.hidden = false;
  });
}

let dismissed = false;

function show() {
  button.hidden = !token();
  text(button, token() ? "Token ✓" : "Token");
}

// Asks for a token; `words` say why.
export function open(words = "") {
  if (!dialog) make();
  text(note, words);
  note.hidden = !words;
  if (!dialog.open) dialog.showModal();
}

function make() {
  const field = id("token");
  const input = h("input", { id: field, type: "password", autocomplete: "off", spellcheck: "false", placeholder: "lw_…", required: true });
  note = h("p.warning", { role: "alert", hidden: true });
  dialog = h("dialog", { "aria-labelledby": `${field}-title` },
    h("form", { method: "dialog", onsubmit: () => { keep(input.value.trim()); input.value = ""; dismissed = false; show(); renewed(); } },
      h("h2", { id: `${field}-title` }, "This server asks for a token"),
      note,
      h("p", {}, "A token with the scope ", h("code", {}, "read"), " shows everything here; changing something needs ", h("code", {}, "admin"), ". Whoever runs the server makes one:"),
      h("pre", {}, "leeway token create --name me --scope read"),
      h("label", { for: field }, "Token"), input,
      h("p.hint", {}, "It stays in this tab and is forgotten when the tab is closed."),
      h("p.actions", {},
        h("button.primary", { type: "submit" }, "Use this token"),
        h("button", { type: "button", onclick: () => { keep(null); dismissed = false; dialog.close(); show(); renewed(); } }, "Forget"),
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"))));
  dialog.addEventListener("close", () => { dismissed = !token(); button.hidden = false; });
  document.body.append(dialog);
}
