// The tools of an agent, each with its settings; the arguments of a tool step. What a tool asks for is laid out in
// Python from its schema (components/form.py); a tool that is not known here is edited as JSON.
import React, { useContext, useEffect, useState } from "react";
import { byId } from "./graph.js";
import { BoundSelect, BoundSwitch, BoundText, Faults, Frame, Owner, Prefix, useBound, useName, useProblems } from "./fields.jsx";
import { Icon, IconButton } from "./parts.jsx";
import { commit, useEditor } from "./store.js";

/** [open row, set]: a problem that somebody goes to opens the row that has it. */
export function useOpened(name) {
  const [open, setOpen] = useState(null), target = useEditor((s) => s.target);
  useEffect(() => {
    const row = target?.startsWith(`${name}.`) ? Number.parseInt(target.slice(name.length + 1), 10) : Number.NaN;
    if (!Number.isNaN(row)) setOpen(row);
  }, [name, target]);
  return [open, setOpen];
}
/** Whether something in there is wrong, for rows that are closed. */
export function Wrong({ name }) {
  const found = useProblems(useContext(Owner), name), error = found.some((p) => p.severity === "error");
  return found.length > 0 && <span className={error ? "faulty" : "warned"} title={found[0].message}><Icon name="warn" size={14} bold /><span className="sr">{error ? "has a problem" : "has a warning"}</span></span>;
}

/** `tools`: {name, title, help, settings, many} of each; the children are their settings, in the same order. */
export function BoundTools({ path, title, hint, tools, children }) {
  const [value, write] = useBound(path), name = useName(path), prefix = useContext(Prefix), [open, setOpen] = useOpened(name);
  const rows = Array.isArray(value) ? value : [], forms = React.Children.toArray(children);
  const known = new Set(tools.map((t) => t.name)), mine = (t) => rows.map((r, i) => [r, i]).filter(([r]) => r?.name === t.name);
  const add = (t) => {
    write([...rows, { name: t.name, config: {}, approve: false }]);
    setOpen(t.settings ? rows.length : null);
  };
  const drop = (i) => {
    write(rows.filter((_, j) => j !== i));
    setOpen((o) => (o === null || o === i ? null : o > i ? o - 1 : o));
  };
  const row = (i, t, form) => (
    <li key={`${i}`} tabIndex={-1} data-testid={`field-${name}.${i}`} className="on">
      <div className="row">
        <label className="row grow" title={t?.help}><input type="checkbox" checked data-testid={t ? `tool-${name}.${t.name}` : undefined} onChange={() => drop(i)} /><span className="clip">{t?.title ?? rows[i]?.name ?? "Unknown"}</span></label>
        {rows[i]?.approve && open !== i && <span className="chip">Asks first</span>}
        {open !== i && <Wrong name={`${name}.${i}`} />}
        <IconButton small name={open === i ? "up" : "down"} size={14} title={`Settings of ${t?.title ?? rows[i]?.name}`} aria-expanded={open === i} data-testid={`settings-${name}.${i}`} onClick={() => setOpen(open === i ? null : i)} />
      </div>
      {open === i && (
        <Prefix.Provider value={`${prefix}${path}.${i}.`}>
          <div className="stack wide">
            {form ?? (t ? null : <BoundText path="config" mode="object" code title="Settings" />)}
            <BoundSwitch path="approve" title="Ask before each call" hint="A person sees the arguments word for word, and may change them." />
            <Faulty at={`${name}.${i}`} />
          </div>
        </Prefix.Provider>
      )}
    </li>
  );
  return (
    <Frame {...{ title, hint }}>
      <ul className="records tools" data-testid={`field-${name}`}>
        {tools.map((t, at) => {
          const own = mine(t);
          return (
            <React.Fragment key={t.name}>
              {own.map(([, i]) => row(i, t, t.settings ? forms[at] : null))}
              {(!own.length || t.many) && <li><div className="row"><label className="row grow" title={t.help}><input type="checkbox" checked={false} data-testid={own.length ? undefined : `tool-${name}.${t.name}`} onChange={() => add(t)} /><span className="clip">{own.length ? `Another ${t.title}` : t.title}</span></label></div></li>}
            </React.Fragment>
          );
        })}
        {rows.map((r, i) => !known.has(r?.name) && row(i, null, null))}
      </ul>
    </Frame>
  );
}
/** What is wrong with the entry itself: its name. */
function Faulty({ at }) {
  const owner = useContext(Owner);
  return <Faults id={owner} name={`${at}.name`} />;
}

/** Which tool a step calls. What only the former one took goes, in the same step of undo. */
export function BoundTool({ path, tools, ...rest }) {
  const owner = useContext(Owner), config = useEditor((s) => byId(s.spec).get(owner)?.config) ?? {};
  const options = tools.map((t) => [t.name, t.title]);
  const choose = (tool) => {
    const next = tools.find((t) => t.name === tool);
    const left = (part) => Object.fromEntries(Object.entries(config[part] ?? {}).filter(([k]) => !next || next[part].includes(k)));
    const ops = ["args", "config"].filter((part) => config[part] && Object.keys(left(part)).length !== Object.keys(config[part]).length);
    commit([{ op: "set", id: owner, path: ["config", "tool"], value: tool }, ...ops.map((part) => ({ op: "set", id: owner, path: ["config", part], value: left(part) }))]);
  };
  return <BoundSelect {...rest} path={path} options={config.tool ? options : [["", "Choose"], ...options]} onChoose={choose} />;
}
/** The form of what the chosen tool takes (`part`: args or config); the children are the forms of `tools`. */
export function ByTool({ path, part, title, tools, children }) {
  const owner = useContext(Owner), tool = useEditor((s) => byId(s.spec).get(owner)?.config?.tool), [value] = useBound(path), name = useName(path);
  const at = tools.findIndex((t) => t.name === tool), plain = value === undefined || (value && typeof value === "object" && !Array.isArray(value));
  if (!tool) return null;
  if (at < 0 || !plain) return <BoundText path={path} mode={plain ? "object" : "any"} refs="text" code title={title} />;
  const shown = tools[at][part], odd = Object.keys(value ?? {}).filter((k) => !shown.includes(k));
  if (!shown.length && !odd.length) return null;
  return (
    <div role="group" aria-label={title} data-testid={`field-${name}`} tabIndex={-1}>
      <span className="label">{title}</span>
      <div className="part">
        {React.Children.toArray(children)[at]}
        {odd.map((k) => <BoundText key={k} path={`${path}.${k}`} mode="any" refs="text" code line title={k} hint="The tool does not take this; empty it." />)}
      </div>
    </div>
  );
}
/** The fields of one tool; it only keeps them together. */
export const ToolForm = ({ children }) => <>{children}</>;

/** A plain input, or an expression instead; the children are these two. */
export function BoundOr({ path, title, children }) {
  const [value, write] = useBound(path), [wanted, setWanted] = useState(false), [plain, typed] = React.Children.toArray(children);
  const text = wanted || (typeof value === "string" && value.includes("{{"));
  const turn = () => {
    setWanted(!text);
    if (text) write(undefined);
  };
  return <div className="or">{text ? typed : plain}<button type="button" className="link cap" aria-label={`${title}: ${text ? "choose" : "expression"}`} onClick={turn}>{text ? "Choose instead" : "Use an expression"}</button></div>;
}

/** Some of a few fixed values. */
export function BoundSome({ path, title, required, hint, options, fallback = [] }) {
  const [value, write, owner] = useBound(path), name = useName(path), chosen = Array.isArray(value) ? value : fallback;
  const turn = (v) => write(options.filter((o) => (o === v ? !chosen.includes(o) : chosen.includes(o))));
  return (
    <Frame {...{ title, required, hint }}>
      <div className="chips few" data-testid={`field-${name}`} role="group" aria-label={title} tabIndex={-1}>
        {options.map((v) => <button key={v} type="button" className={chosen.includes(v) ? "chip on" : "chip"} aria-pressed={chosen.includes(v)} onClick={() => turn(v)}>{v}</button>)}
      </div>
      <Faults id={owner} name={name} />
    </Frame>
  );
}

/** Fields that are there together or not at all. */
export function BoundPart({ path, title, hint, children }) {
  const [value, write, owner] = useBound(path), name = useName(path), on = value !== undefined && value !== null;
  return (
    <div className={on ? "part" : ""}>
      <div className="row"><span className="label grow" style={{ margin: 0 }}>{title}</span><button type="button" role="switch" aria-checked={on} aria-label={title} className="sw" data-testid={`field-${name}`} onClick={() => write(on ? undefined : {})} /></div>
      {hint && <p className="hint">{hint}</p>}
      {on && children}
      {!on && <Faults id={owner} name={name} />}
    </div>
  );
}
