// An ordered list of objects, each with its own fields: the members and tasks of a crew, the tools of an agent. The
// fields inside are the same bound inputs; a prefix tells them which row they stand in.
import React, { useContext, useRef, useState } from "react";
import { byId } from "./graph.js";
import { BoundSelect, Frame, Owner, Prefix, useBound, useName } from "./fields.jsx";
import { Icon, IconButton } from "./parts.jsx";
import { useEditor } from "./store.js";
import { Wrong, useOpened } from "./tools.jsx";

const unused = (rows, noun) => {
  const taken = new Set(rows.map((r) => r.id));
  let n = rows.length + 1;
  while (taken.has(`${noun}_${n}`)) n++;
  return `${noun}_${n}`;
};
/** `blank` is a new row (an `id` in it is made unique), `head` names the field that is a row's title. */
export function BoundRecords({ path, title, required, hint, noun, head, blank, children }) {
  const [value, write] = useBound(path), name = useName(path), prefix = useContext(Prefix), list = useRef(null);
  const rows = Array.isArray(value) ? value : [], [open, setOpen] = useOpened(name), [carried, setCarried] = useState(null), [over, setOver] = useState(null);
  const focus = (i, what = "[aria-expanded]") => requestAnimationFrame(() => (list.current?.children[i]?.querySelector(what) ?? list.current?.nextElementSibling)?.focus());
  const move = (from, to) => {
    if (from === to || to < 0 || to >= rows.length) return;
    const next = [...rows];
    next.splice(to, 0, ...next.splice(from, 1));
    write(next);
    setOpen((o) => (o === from ? to : o > from && o <= to ? o - 1 : o < from && o >= to && o !== null ? o + 1 : o));
  };
  /** The keyboard stays with the row that it moves. */
  const shift = (i, by) => {
    const to = i + by, end = by < 0 ? to === 0 : to === rows.length - 1;
    move(i, to);
    focus(to, end ? undefined : `[data-move="${by}"]`);
  };
  const drop = (i) => {
    write(rows.filter((_, j) => j !== i));
    setOpen((o) => (o === i ? null : o > i ? o - 1 : o));
    focus(Math.min(i, rows.length - 2));
  };
  const add = () => {
    write([...rows, "id" in blank ? { ...blank, id: unused(rows, noun) } : blank]);
    setOpen(rows.length);
    focus(rows.length, ".stack :is(input, textarea):not([data-testid$='.id'])");
  };
  const key = (e, i) => {
    if (!e.altKey || (e.key !== "ArrowUp" && e.key !== "ArrowDown")) return;
    const by = e.key === "ArrowUp" ? -1 : 1;
    e.preventDefault();
    if (i + by >= 0 && i + by < rows.length) move(i, i + by), focus(i + by);
  };
  const grip = (i) => ({
    draggable: true,
    onDragStart: (e) => (e.dataTransfer.setData("text/plain", ""), (e.dataTransfer.effectAllowed = "move"), e.dataTransfer.setDragImage(e.currentTarget.parentElement, 12, 14), setCarried(i)),
    onDragEnd: () => (setCarried(null), setOver(null)),
  });
  const target = (i) => (carried === null ? {} : {
    onDragOver: (e) => (e.preventDefault(), setOver(i)),
    onDrop: (e) => (e.preventDefault(), e.stopPropagation(), move(carried, i), setCarried(null), setOver(null)),
  });
  const edge = (i) => (carried === null || over !== i || carried === i ? "" : i < carried ? "above" : "below");
  return (
    <Frame {...{ title, required, hint }}>
      <ol className="records" data-testid={`field-${name}`} ref={list}>
        {rows.map((row, i) => (
          <li key={i} tabIndex={-1} data-testid={`field-${name}.${i}`} className={edge(i)} {...target(i)}>
            <div className="row" onKeyDown={(e) => key(e, i)}>
              <span className="grip" title="Drag to another place" {...grip(i)}><Icon name="grip" size={14} /></span>
              <button type="button" className="btn ghost grow clip" aria-expanded={open === i} title="Alt ↑ and Alt ↓ move it" onClick={() => setOpen(open === i ? null : i)}><span className="clip">{row[head] || row.id || `${noun} ${i + 1}`}</span></button>
              {open !== i && <Wrong name={`${name}.${i}`} />}
              <IconButton small name="up" size={14} data-move={-1} title={`Move ${noun} ${i + 1} up`} disabled={i === 0} onClick={() => shift(i, -1)} />
              <IconButton small name="down" size={14} data-move={1} title={`Move ${noun} ${i + 1} down`} disabled={i === rows.length - 1} onClick={() => shift(i, 1)} />
              <IconButton small name="x" size={14} title={`Remove ${noun} ${i + 1}`} onClick={() => drop(i)} />
            </div>
            {open === i && <Prefix.Provider value={`${prefix}${path}.${i}.`}><div className="stack">{children}</div></Prefix.Provider>}
          </li>
        ))}
      </ol>
      <button type="button" className="btn sm" data-testid={`add-${name}`} onClick={add}>Add {noun}</button>
    </Frame>
  );
}

const useRows = (list) => {
  const id = useContext(Owner);
  const rows = useEditor((s) => (id ? byId(s.spec).get(id)?.config?.[list] : null));
  return Array.isArray(rows) ? rows : [];
};
/** One row of another list of the same step, by its id. */
export function BoundRow({ list, head, ...rest }) {
  const options = useRows(list).map((r) => [r.id, r[head] || r.id]);
  return <BoundSelect {...rest} options={[["", "–"], ...options]} />;
}
/** Some of the rows that come before this one in its own list, by id. */
export function BoundEarlier({ path, title, hint, list }) {
  const [value, write] = useBound(path), name = useName(path), at = Number(useContext(Prefix).split(".").at(-2));
  const chosen = Array.isArray(value) ? value : [], before = useRows(list).slice(0, at);
  if (!before.length) return null;
  return (
    <Frame {...{ title, hint }}>
      <div className="row" data-testid={`field-${name}`} role="group" aria-label={title}>
        {before.map((r) => {
          const on = chosen.includes(r.id);
          return <button key={r.id} type="button" className={on ? "chip on" : "chip"} aria-pressed={on} onClick={() => write(on ? chosen.filter((c) => c !== r.id) : [...chosen, r.id])}>{r.id}</button>;
        })}
      </div>
    </Frame>
  );
}
