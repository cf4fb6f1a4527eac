// A menu at a point of the screen with a search in it: letters narrow it, arrows walk it, Enter takes.
import React, { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Tile } from "./parts.jsx";

/** `find` answers {key, title, type, side} for what was typed; `children` stand above the search. */
export function Pick({ x, y, label, find, pick, none, onClose, onKey, children }) {
  const [query, setQuery] = useState(""), [at, setAt] = useState(0), box = useRef(null), found = find(query);
  useLayoutEffect(() => {
    const r = box.current.getBoundingClientRect();
    box.current.style.left = `${Math.max(8, Math.min(x, window.innerWidth - r.width - 8))}px`;
    box.current.style.top = `${Math.max(8, Math.min(y, window.innerHeight - r.height - 8))}px`;
  }, [x, y, found.length]);
  useEffect(() => {
    const away = (e) => !box.current?.contains(e.target) && onClose();
    const timer = setTimeout(() => document.addEventListener("pointerdown", away), 0);
    return () => (clearTimeout(timer), document.removeEventListener("pointerdown", away));
  }, [onClose]);
  const go = (i) => {
    setAt(i);
    box.current.querySelectorAll("[role=option]")[i]?.scrollIntoView({ block: "nearest" });
  };
  const choose = (key) => (pick(key), onClose());
  const key = (e) => {
    e.stopPropagation();
    if (onKey?.(e)) return;
    if (e.key === "Escape") onClose();
    else if (e.key === "ArrowDown") e.preventDefault(), go(Math.min(at + 1, found.length - 1));
    else if (e.key === "ArrowUp") e.preventDefault(), go(Math.max(at - 1, 0));
    else if (e.key === "Enter" && found[at]) e.preventDefault(), choose(found[at].key);
  };
  return (
    <div className="menu kinds" ref={box} style={{ position: "fixed" }} role="listbox" aria-label={label} onKeyDown={key}>
      {children}
      <input className="field" autoFocus placeholder={label} aria-label={label} value={query} onChange={(e) => (setQuery(e.target.value), setAt(0))} />
      {found.map((t, i) => <button type="button" key={t.key} role="option" tabIndex={-1} aria-selected={i === at} className={i === at ? "on" : ""} onClick={() => choose(t.key)}><Tile type={t.type} size="s" /><span className="clip grow">{t.title}</span></button>)}
      {!found.length && <p className="hint" style={{ padding: "0 8px 8px" }}>{none}</p>}
    </div>
  );
}
