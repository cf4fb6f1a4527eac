// The palette's rows, its search, and the same list as a menu at a point of the canvas.
import React, { useRef } from "react";
import * as act from "./actions.js";
import { Pick } from "./pick.jsx";
import { get, set, useEditor } from "./store.js";

const matches = (type, query) => !query || `${type.title} ${type.kind} ${type.group}`.toLowerCase().includes(query.trim().toLowerCase());

/** One kind: the whole row drags; a click or Enter adds it below the selection and wires it. */
export function PaletteItem({ kind, children, ...rest }) {
  const hidden = useEditor((s) => !matches(s.types[kind] ?? { title: kind, kind, group: "" }, s.query ?? ""));
  const first = useEditor((s) => !!s.query && firstMatch(s) === kind);
  const carry = (event) => {
    event.dataTransfer.setData("application/nexod-kind", kind);
    event.dataTransfer.effectAllowed = "copy";
    act.drag(kind);
  };
  const key = (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), add(kind));
  return <li {...rest} className={first ? "on" : ""} hidden={hidden} tabIndex={0} role="button" draggable onDragStart={carry} onDragEnd={() => act.drag(null)} onClick={() => add(kind)} onKeyDown={key}>{children}</li>;
}
const firstMatch = (s) => (s.typeList ?? []).find((t) => matches(t, s.query))?.kind;
function add(kind) {
  act.addBelow(kind);
  set({ query: "" });
}

export function PaletteSearch(props) {
  const query = useEditor((s) => s.query ?? ""), box = useRef(null);
  const key = (event) => {
    if (event.key === "Escape") set({ query: "" }), box.current.blur();
    if (event.key !== "Enter") return;
    const kind = firstMatch(get());
    if (kind && query) add(kind), box.current.blur();
  };
  return <input {...props} ref={box} className="field" value={query} placeholder="Add a step" aria-label="Add a step" autoComplete="off" spellCheck={false} onChange={(e) => set({ query: e.target.value })} onKeyDown={key} />;
}

/** The kinds as a menu at a point of the screen. */
export function StepMenu({ pick, ...rest }) {
  const types = useEditor((s) => s.typeList ?? []);
  const find = (query) => types.filter((t) => t.shape !== "silent" && matches(t, query)).map((t) => ({ key: t.kind, title: t.title, type: t }));
  return <Pick {...rest} label="Add a step" find={find} pick={pick} none="No step is called that." />;
}
