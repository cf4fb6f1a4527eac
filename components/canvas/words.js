// The second line of a card, made by its kind from its config.
import { getPath } from "./graph.js";

const plain = (value) => (typeof value === "string" ? value : value == null ? "" : JSON.stringify(value)).replace(/\{\{\s*([\s\S]*?)\s*\}\}/g, "$1").replace(/\s+/g, " ").trim();

/** A problem's message without the name of its step, for places that show the name already. */
export function fault(problem, title) {
  const { message } = problem, name = `${title}: `;
  if (!title || !message.startsWith(name)) return message;
  const rest = message.slice(name.length);
  return rest[0].toUpperCase() + rest.slice(1);
}

/** `{method} · {url}` filled from the config; a part whose value is missing is left out. */
export function summary(type, config) {
  if (!type) return "Unknown kind of step";
  const parts = (type.summary || "").split(" · ").map((part) => {
    let missing = false;
    const said = part.replace(/\{([^}]+)\}/g, (_, path) => {
      const value = plain(getPath(config, path.split(".").map((p) => (/^\d+$/.test(p) ? Number(p) : p))) ?? type.defaults?.[path]);
      if (!value) missing = true;
      return value;
    });
    return missing ? "" : said;
  });
  return parts.filter(Boolean).join(" · ") || type.title;
}
