// An ordered list of objects, each with its own fields: the members and tasks of a crew, the tools of an agent. The
// fields inside are the same bound inputs; a prefix tells them which row they stand in.
import React, { useContext } from "react";
import { byId } from "./graph.js";
import { BoundSelect, Frame, Owner, Prefix, useBound, useName } from "./fields.jsx";
import { IconButton } from "./parts.jsx";
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
  const [value, write] = useBound(path), name = useName(path), prefix = useContext(Prefix);
  const rows = Array.isArray(value) ? value : [], [open, setOpen] = useOpened(name);
  const move = (i, by) => {
    const next = [...rows];
    next.splice(i + by, 0, ...next.splice(i, 1));
    write(next);
    setOpen((o) => (o === i ? i + by : o));
  };
  const add = () => {
    write([...rows, "id" in blank ? { ...blank, id: unused(rows, noun) } : blank]);
    setOpen(rows.length);
  };
  return (
    <Frame {...{ title, required, hint }}>
      <ol className="records" data-testid={`field-${name}`}>
        {rows.map((row, i) => (
          <li key={i} tabIndex={-1} data-testid={`field-${name}.${i}`}>
            <div className="row">
              <button type="button" className="btn ghost grow clip" aria-expanded={open === i} onClick={() => setOpen(open === i ? null : i)}>{row[head] || row.id || `${noun} ${i + 1}`}</button>
              {open !== i && <Wrong name={`${name}.${i}`} />}
              <IconButton small name="up" size={14} title={`Move ${noun} ${i + 1} up`} disabled={i === 0} onClick={() => move(i, -1)} />
              <IconButton small name="down" size={14} title={`Move ${noun} ${i + 1} down`} disabled={i === rows.length - 1} onClick={() => move(i, 1)} />
              <IconButton small name="x" size={14} title={`Remove ${noun} ${i + 1}`} onClick={() => write(rows.filter((_, j) => j !== i))} />
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
