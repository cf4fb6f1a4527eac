// The palette's rows, its search, and the same list as a menu at a point of the canvas.
import React, { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import * as act from "./actions.js";
import { Icon, Tile } from "./parts.jsx";
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
export function StepMenu({ x, y, pick, onClose }) {
  const types = useEditor((s) => s.typeList ?? []), [query, setQuery] = useState(""), [at, setAt] = useState(0), box = useRef(null);
  const found = useMemo(() => types.filter((t) => t.shape !== "silent" && matches(t, query)), [types, query]);
  useLayoutEffect(() => {
    const r = box.current.getBoundingClientRect();
    box.current.style.left = `${Math.min(x, window.innerWidth - r.width - 8)}px`;
    box.current.style.top = `${Math.min(y, window.innerHeight - r.height - 8)}px`;
  }, [x, y]);
  useEffect(() => {
    const away = (e) => !box.current?.contains(e.target) && onClose();
    const timer = setTimeout(() => document.addEventListener("pointerdown", away), 0);
    return () => (clearTimeout(timer), document.removeEventListener("pointerdown", away));
  }, [onClose]);
  const choose = (kind) => (onClose(), pick(kind));
  const key = (e) => {
    e.stopPropagation();
    if (e.key === "Escape") onClose();
    else if (e.key === "ArrowDown") e.preventDefault(), setAt((i) => Math.min(i + 1, found.length - 1));
    else if (e.key === "ArrowUp") e.preventDefault(), setAt((i) => Math.max(i - 1, 0));
    else if (e.key === "Enter" && found[at]) choose(found[at].kind);
  };
  return (
    <div className="menu kinds" ref={box} style={{ position: "fixed" }} role="listbox" aria-label="Add a step" onKeyDown={key}>
      <input className="field" autoFocus placeholder="Add a step" value={query} onChange={(e) => (setQuery(e.target.value), setAt(0))} />
      {found.map((t, i) => <button type="button" key={t.kind} role="option" aria-selected={i === at} className={i === at ? "on" : ""} onClick={() => choose(t.kind)}><Tile type={t} size="s" />{t.title}</button>)}
      {!found.length && <p className="hint" style={{ padding: "0 8px 8px" }}>No step is called that.</p>}
    </div>
  );
}
