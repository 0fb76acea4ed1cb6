// A module as a script: what it imports becomes constants, what it exports is handed back. Lines stay where they are.

// What is no code: comments, texts, patterns. Each begins where the last look ended.
const SPACE = /\s+|\/\/[^\n]*|\/\*[^]*?\*\//y;
const STRING = /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y;
const TEMPLATE = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{|$)/y;
const PATTERN = /\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const WORD = /[\w$\u0080-\uffff]+/y;
// After these words and signs a stroke begins a pattern; after all others it divides.
const BEFORE_PATTERN = /^(?:|return|typeof|case|in|of|delete|void|throw|new|else|do|instanceof|await|yield|[^\w$)\]}"'`])$/;

/** The text with spaces in the place of comments and of what stands in quotes: what is left is code. */
function codeOf(text) {
  let code = "";
  let before = "";
  const open = []; // Braces: whether each began inside of a template.
  const take = (form) => {
    form.lastIndex = code.length;
    return form.exec(text)?.[0] ?? "";
  };
  const blank = (part) => part.replace(/[^\n]/g, " ");
  const quoted = (part) => part[0] + blank(part.slice(1, -1)) + part.at(-1);
  while (code.length < text.length) {
    const next = text[code.length];
    let word = "";
    let part = take(SPACE);
    if (part) {
      code += blank(part);
      continue;
    }
    if ((part = take(STRING))) {
      code += quoted(part);
    } else if (next === "`" || (next === "}" && open.pop())) {
      code += next;
      part = take(TEMPLATE);
      if (part.endsWith("${")) open.push(true);
      code += blank(part);
    } else if (next === "/" && BEFORE_PATTERN.test(before) && (part = take(PATTERN))) {
      code += blank(part);
      before = ")";
      continue;
    } else {
      word = take(WORD);
      part = word || next;
      if (part === "{") open.push(false);
      code += part;
    }
    before = word || part.at(-1);
  }
  return code;
}

// A statement begins on a line of its own, or behind the end of another one.
const IMPORT = /(?<=^|[;}])([ \t]*)import\b(?:([^"'();]*?)\bfrom\b)?\s*(["'])(\s*)\3[ \t]*;?/gm;
const EXPORT_LIST = /(?<=^|[;}])([ \t]*)export\s*\{([^}]*)\}[ \t]*;?/gm;
const EXPORT = /(?<=^|[;}])([ \t]*)export\s+(?=(?:const|let|var|class|function|async\s+function)\b\s*([\w$]*))/gm;

/**
 * A function, as text, that takes a way to get modules and returns what the module exports as `batch`.
 * Throws where another module is imported than `there` are.
 */
export function scriptOf(text, there) {
  const code = codeOf(text);
  const changes = []; // Where, how long, and what comes there.
  let batch = "undefined";
  for (const found of code.matchAll(IMPORT)) {
    const [whole, space, clause, , blank] = found;
    const name = text.substr(found.index + whole.search(/["']/) + 1, blank.length);
    const line = text.slice(0, found.index).split("\n").length;
    if (!there.includes(name)) {
      throw new Error(
        `detector.js, line ${line}: a detector cannot import "${name}": it has no files, network, clock or packages; there are ${there.map((one) => `"${one}"`).join(", ")}`,
      );
    }
    const module = `$module(${JSON.stringify(name)})`;
    changes.push([found.index, whole.length, space + constants(clause ?? "", module)]);
  }
  for (const { 0: whole, 1: space, 2: list, index } of code.matchAll(EXPORT_LIST)) {
    for (const one of list.split(",")) {
      const [local, outside = local] = one.trim().split(/\s+as\s+/);
      if (outside === "batch") batch = local;
    }
    changes.push([index, whole.length, space + whole.slice(space.length).replace(/[^\n]/g, " ")]);
  }
  for (const { 0: whole, 1: space, 2: name, index } of code.matchAll(EXPORT)) {
    if (name === "batch") batch = name;
    changes.push([index, whole.length, space]);
  }
  let script = "";
  let at = 0;
  for (const [from, length, by] of changes.sort((a, b) => a[0] - b[0])) {
    script += text.slice(at, from) + by;
    at = from + length;
  }
  return `(function ($module) { "use strict"; ${script}${text.slice(at)}\n;return ${batch};})`;
}

/** `{ a, b as c }`, `* as all` or `one` as constants; line ends stay. */
function constants(clause, module) {
  const named = clause.match(/\{[^}]*\}/)?.[0];
  const all = clause.match(/\*\s*as\s+([\w$]+)/)?.[1];
  const single = clause.match(/^\s*([\w$]+)/)?.[1];
  const parts = [];
  if (single) parts.push(`${single} = ${module}.default`);
  if (all) parts.push(`${all} = ${module}`);
  if (named) parts.push(`${named.replace(/\s+as\s+/g, (as) => ": " + as.replace(/[^\n]/g, ""))} = ${module}`);
  const lines = named ? "" : clause.replace(/[^\n]/g, "");
  return parts.length > 0 ? `const ${parts.join(", ")};${lines}` : lines;
}
