// Inputs bound to the client store. Where they stand is decided in Python (components/form.py); here is how they behave:
// commit on blur and 400 ms after the last key, one undo step per field, the problems of the field below it.
import React, { createContext, useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { ancestors, byId, getPath, setPath } from "./graph.js";
import { Icon, IconButton, Seg } from "./parts.jsx";
import { flowOf } from "./inside.js";
import { commit, fieldPending, get, go, nodeOf, scoped, useEditor } from "./store.js";
import { fault } from "./words.js";

const DEBOUNCE_MS = 400;
/** The step that the fields around it belong to; null is the workflow itself. */
export const Owner = createContext(null);

/** Renders its children for one selected step of this kind; anew for each step. */
export function ForKind({ kind, tab, children }) {
  const id = useEditor((s) => {
    const only = s.selection.nodes.length === 1 ? s.selection.nodes[0] : null, node = only && byId(s.spec).get(only);
    return node && (!kind || node.kind === kind) && (!tab || s.tab === tab) ? only : null;
  });
  return id && <Owner.Provider value={id} key={id}>{children}</Owner.Provider>;
}
export function ForNothing({ children }) {
  const none = useEditor((s) => s.selection.nodes.length === 0);
  return none && <Owner.Provider value={null}>{children}</Owner.Provider>;
}
/** Only for the workflow itself, not for a flow inside it. */
export function AtTop({ children }) {
  return useEditor((s) => s.path.length === 0) && children;
}
export function ForMany({ children }) {
  const count = useEditor((s) => s.selection.nodes.length);
  return count > 1 && children;
}

// ---------- binding

const inside = (path) => (typeof path === "string" ? path.split(".") : path);
/** What stands before the paths of the fields around it: `config.members.0.` inside the first row of a list. */
export const Prefix = createContext("");
/** [value, set] of a place in the owner. Setting undefined takes the field away. */
export function useBound(path) {
  const id = useContext(Owner), key = useContext(Prefix) + inside(path).join(".");
  const value = useEditor((s) => getPath(id === null ? s.spec : byId(s.spec).get(id), key.split(".")));
  const write = useCallback((next, more = []) => {
    const owner = id === null ? get().spec : nodeOf(id), steps = key.split(".");
    if (!owner || JSON.stringify(getPath(owner, steps)) === JSON.stringify(next)) return;
    const [at, whole] = steps.length > 2 ? [steps.slice(0, 2), setPath(getPath(owner, steps.slice(0, 2)), steps.slice(2), next)] : [steps, next];
    const op = whole === undefined ? { op: "set", id, path: at } : { op: "set", id, path: at, value: whole };
    commit([op, ...more], { key: more.length ? null : `${id}:${key}` });
  }, [id, key]);
  return [value, write, id];
}

/** What is being typed, before it is an operation. `parse` answers {value} or {error}. */
function useDraft(value, write, { show, parse }) {
  const [draft, setDraft] = useState(null), [error, setError] = useState(null), timer = useRef(null);
  const live = useRef({ text: null, mine: null });
  Object.assign(live.current, { write, parse, show });
  const flush = useCallback(() => {
    clearTimeout(timer.current);
    const l = live.current;
    if (l.text === null) return;
    const read = l.parse(l.text);
    setError(read.error ?? null);
    if (read.error) return;
    l.text = null;
    l.mine = l.show(read.value);
    l.write(read.value);
  }, []);
  useEffect(() => {
    const leave = fieldPending(flush);
    return () => (flush(), leave());
  }, [flush]);
  const change = (text) => {
    live.current.text = text;
    setDraft(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(flush, DEBOUNCE_MS);
  };
  const blur = () => {
    flush();
    if (live.current.text === null) setDraft(null);
  };
  const shown = show(value);
  useEffect(() => {
    if (live.current.text === null && shown !== live.current.mine) setDraft(null);
  }, [shown]);
  return { text: draft ?? shown, change, blur, error };
}

const asText = (v) => (v == null ? "" : typeof v === "string" ? v : JSON.stringify(v));
const READ = {
  text: ({ optional }) => ({ show: asText, parse: (t) => ({ value: t === "" && optional ? undefined : t }) }),
  number: () => ({
    show: (v) => (v == null ? "" : String(v)),
    parse: (t) => (t.trim() === "" ? { value: undefined } : Number.isFinite(Number(t.replace(",", "."))) ? { value: Number(t.replace(",", ".")) } : { error: "This is no number." }),
  }),
  /** A number, or an expression. */
  numeric: () => ({ show: asText, parse: (t) => (t.trim() === "" ? { value: undefined } : { value: Number.isFinite(Number(t)) ? Number(t) : t }) }),
  /** Anything: JSON if it reads as JSON, else the text. */
  any: () => ({ show: (v) => (v === undefined ? "" : typeof v === "string" ? v : JSON.stringify(v, null, 2)), parse: parseAny }),
  /** One text a line. */
  lines: () => ({ show: (v) => (Array.isArray(v) ? v.join("\n") : asText(v)), parse: (t) => ({ value: rowsOf(t).length ? rowsOf(t) : undefined }) }),
  object: () => ({ show: (v) => (v == null ? "" : JSON.stringify(v, null, 2)), parse: parseObject }),
};
const rowsOf = (text) => text.split("\n").map((row) => row.trim()).filter(Boolean);
function parseAny(text) {
  const t = text.trim();
  if (t === "") return { value: undefined };
  try { return { value: JSON.parse(t) }; } catch (e) {
    if (/^[[{]/.test(t) && !t.startsWith("{{") && /[\]}]$/.test(t)) return { error: where(e, text) };
    return { value: text };
  }
}
function parseObject(text) {
  if (text.trim() === "") return { value: undefined };
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? { value } : { error: "An object in braces is expected: { … }" };
  } catch (e) { return { error: where(e, text) }; }
}
function where(e, text) {
  const at = /position (\d+)/.exec(e.message)?.[1], line = at ? text.slice(0, Number(at)).split("\n").length : null;
  return `This is no JSON yet${line ? `, see line ${line}` : ""}: ${e.message.replace(/^JSON\.parse: /, "").replace(/ in JSON at position.*$/, "").replace(/\(line.*$/, "")}`;
}

// ---------- problems and labels

const NO_PROBLEMS = [];
export function useProblems(id, name) {
  const { problems, path } = useEditor((s) => ({ problems: s.problems, path: s.path }));
  return useMemo(() => {
    const owner = id === null ? path.join("/") || null : scoped(id, path), own = id === null && path.length ? /^config\.flow\./ : /^config\./;
    const field = (p) => (p.field ?? "").replace(own, "");
    const mine = problems.filter((p) => (p.node_id ?? null) === owner && (field(p) === name || field(p).startsWith(`${name}.`) || field(p).startsWith(`${name}[`)));
    return mine.length ? mine : NO_PROBLEMS;
  }, [problems, path, id, name]);
}
export function Faults({ id, name, error }) {
  const problems = useProblems(id, name);
  if (error) return <p className="err" role="alert">{error}</p>;
  return problems.map((p, i) => <p key={i} className={`err ${p.severity}`}>{fault(p, nodeOf(id)?.title)} {p.hint}</p>);
}
export const useName = (path) => nameOf(useContext(Prefix) + inside(path).join("."));
export const nameOf = (path) => inside(path).filter((p, i) => !(i === 0 && p === "config")).join(".");

export function Frame({ title, required, hint, extra, id, children }) {
  return (
    <div className="label-row">
      {title && <label className="label" htmlFor={id}>{title}{required && <span className="req" title="Required">*</span>}{extra}</label>}
      {children}
      {hint && <p className="hint">{hint}</p>}
    </div>
  );
}

// ---------- leaf inputs

/** One line: text or a number. */
export function BoundInput({ path, mode = "text", title, required, hint, unit, placeholder, className = "field", optional = !required, ...rest }) {
  const [value, write, owner] = useBound(path), name = useName(path), id = useId();
  const d = useDraft(value, write, useMemo(() => READ[mode]({ optional }), [mode, optional]));
  const faults = useProblems(owner, name), bad = d.error || faults.some((p) => p.severity === "error");
  return (
    <Frame {...{ title, required, hint, id }} extra={unit && <span className="t3">{unit}</span>}>
      <input {...rest} id={id} className={className} data-testid={rest["data-testid"] ?? `field-${name}`} aria-label={title ? undefined : name} aria-invalid={!!bad} inputMode={mode === "number" ? "decimal" : undefined} placeholder={placeholder} value={d.text} autoComplete="off" spellCheck={mode === "text"} onChange={(e) => d.change(e.target.value)} onBlur={d.blur} onKeyDown={(e) => e.key === "Enter" && d.blur()} />
      <Faults id={owner} name={name} error={d.error} />
    </Frame>
  );
}

/** Text of several lines; `{{ … }}` is set off, a picker offers the values of earlier steps. */
export function BoundText({ path, mode = "text", title, required, hint, refs = "none", code = false, line = false, placeholder, keep = false }) {
  const [value, write, owner] = useBound(path), name = useName(path), id = useId(), box = useRef(null);
  const d = useDraft(value, write, useMemo(() => READ[mode]({ optional: !required && !keep }), [mode, required, keep]));
  const faults = useProblems(owner, name), bad = d.error || faults.some((p) => p.severity === "error");
  const [open, setOpen] = useState(false);
  const insert = (ref) => {
    const el = box.current, t = el.value, a = el.selectionStart, b = el.selectionEnd, started = refs === "text" && /\{\{\s*$/.test(t.slice(0, a));
    const piece = refs === "text" ? (started ? ` ${ref} }}` : `{{ ${ref} }}`) : ref;
    d.change(t.slice(0, a).replace(started ? /\s*$/ : /$^/, "") + piece + t.slice(b));
    setOpen(false);
    requestAnimationFrame(() => (el.focus(), el.setSelectionRange(a + piece.length, a + piece.length)));
  };
  const change = (e) => {
    d.change(e.target.value);
    if (refs === "text" && /\{\{\s?$/.test(e.target.value.slice(0, e.target.selectionStart))) setOpen(true);
  };
  const close = (back) => (setOpen(false), back && box.current.focus());
  const key = (e) => {
    if (!open) return;
    if (e.key === "Escape") e.stopPropagation(), setOpen(false);
    if (e.key === "ArrowDown") e.preventDefault(), box.current.closest(".label-row").querySelector(".insert-menu [role=option]")?.focus();
  };
  const silent = useEditor((s) => s.types[byId(s.spec).get(owner)?.kind]?.silent);
  const extra = refs !== "none" && owner && !silent && <button type="button" className="link" tabIndex={-1} onClick={(e) => (e.preventDefault(), setOpen(!open))}>Insert value</button>;
  return (
    <Frame {...{ title, required, hint, id }} extra={extra}>
      <div className={`area${code ? " code" : ""}${line ? " line" : ""}`}>
        <div className="under" aria-hidden="true">{marked(d.text, refs)}{"\n"}</div>
        <textarea id={id} ref={box} data-testid={`field-${name}`} aria-invalid={!!bad} aria-label={title ? undefined : name} placeholder={placeholder} spellCheck={!code} rows={1} value={d.text} onChange={change} onBlur={d.blur} onKeyDown={key} />
      </div>
      {open && <References owner={owner} onPick={insert} onClose={close} />}
      <Faults id={owner} name={name} error={d.error} />
    </Frame>
  );
}
function marked(text, refs) {
  if (refs !== "text" || !text.includes("{{")) return text;
  return text.split(/(\{\{[\s\S]*?\}\})/).map((part, i) => (i % 2 ? <mark key={i}>{part}</mark> : part));
}

const MAKES = { llm: ["text", "data"], http: ["body", "status", "headers"], template: ["text"], condition: ["port"], approval: ["decision", "data", "comment", "decided_by"], wait: ["until"], subflow: [], agent: ["text", "data"], crew: ["text", "data"], tool: ["value"], retrieve: ["text", "matches"], ingest: ["document_id", "title", "status", "chunks"], remember: ["id", "text"], recall: ["text", "items"] };
/** What a step may read: inputs, and what the steps in its past make. */
function References({ owner, onPick, onClose }) {
  const { spec, types } = useEditor((s) => ({ spec: s.spec, types: s.types })), box = useRef(null);
  useEffect(() => {
    const away = (e) => !box.current?.contains(e.target) && onClose();
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [onClose]);
  const key = (e) => {
    const all = [...box.current.querySelectorAll("[role=option]")], step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (e.key === "Escape") e.stopPropagation(), onClose(true);
    if (step) e.preventDefault(), (all[all.indexOf(document.activeElement) + step] ?? all.at(step < 0 ? 0 : -1))?.focus();
  };
  const inputs = Object.keys(spec.inputs?.properties ?? {}), past = ancestors(spec, owner);
  const fields = (node) => {
    if (node.kind === "template" && node.config.json && typeof node.config.json === "object" && !Array.isArray(node.config.json)) return Object.keys(node.config.json);
    const schema = node.config.output_schema ?? node.config.schema, made = MAKES[node.kind] ?? [];
    return made.filter((f) => f !== "data" || schema).concat(Object.keys(schema?.properties ?? {}).map((f) => `data.${f}`));
  };
  return (
    <div className="menu insert-menu" ref={box} role="listbox" aria-label="Insert value" onKeyDown={key}>
      {inputs.length > 0 && <h4>Inputs</h4>}
      {inputs.map((i) => <button type="button" role="option" aria-selected="false" key={i} onClick={() => onPick(`input.${i}`)}><span className="xp">input.{i}</span></button>)}
      {past.map((id) => {
        const node = byId(spec).get(id);
        return (
          <React.Fragment key={id}>
            <h4 className="row"><Icon name={types[node.kind]?.icon ?? "flow"} size={13} />{node.title || node.id}</h4>
            {(fields(node).length ? fields(node).map((f) => `${id}.${f}`) : [id]).map((r) => <button type="button" role="option" aria-selected="false" key={r} onClick={() => onPick(r)}><span className="xp">{r}</span></button>)}
          </React.Fragment>
        );
      })}
      {!inputs.length && !past.length && <p className="hint" style={{ padding: 8 }}>No step comes before this one, and the workflow declares no inputs.</p>}
    </div>
  );
}

export function BoundSwitch({ path, title, hint, fallback = false }) {
  const [value = fallback, write, owner] = useBound(path), name = useName(path);
  return (
    <div>
      <div className="row"><span className="label grow" style={{ margin: 0 }}>{title}</span><button type="button" role="switch" aria-checked={!!value} aria-label={title} className="sw" data-testid={`field-${name}`} onClick={() => write(!value)} /></div>
      {hint && <p className="hint">{hint}</p>}
      <Faults id={owner} name={name} />
    </div>
  );
}
export function BoundSelect({ path, title, required, hint, options, fallback = "", onChoose }) {
  const [value = fallback, write, owner] = useBound(path), name = useName(path), id = useId();
  const shown = options.some(([v]) => v === value) || value == null ? options : [...options, [value, String(value)]];
  return (
    <Frame {...{ title, required, hint, id }}>
      <select id={id} className="field" data-testid={`field-${name}`} aria-label={title ? undefined : name} value={value ?? ""} onChange={(e) => (onChoose ?? write)(e.target.value === "" && fallback === "" ? undefined : e.target.value)}>
        {shown.map(([v, t]) => <option key={v} value={v}>{t}</option>)}
      </select>
      <Faults id={owner} name={name} />
    </Frame>
  );
}

/** Two fields of which a step has one: the switch above them takes the other away. */
export function BoundChoice({ paths, titles, empty, children }) {
  const owner = useContext(Owner), config = useEditor((s) => (owner ? byId(s.spec).get(owner)?.config : null)) ?? {};
  const names = paths.map((p) => inside(p).at(-1)), given = names.findIndex((n) => config[n] !== undefined && config[n] !== null);
  const [wanted, setWanted] = useState(null), at = wanted ?? Math.max(0, given);
  const choose = (title) => {
    const next = titles.indexOf(title);
    setWanted(next);
    commit([...names.filter((_, i) => i !== next && config[names[i]] !== undefined).map((n) => ({ op: "set", id: owner, path: ["config", n] })), ...(config[names[next]] === undefined ? [{ op: "set", id: owner, path: ["config", names[next]], value: empty[next] }] : [])]);
  };
  return <div className="stack"><Seg label="One of" value={titles[at]} options={titles.map((t) => [t, t])} onChange={choose} />{React.Children.toArray(children)[at]}</div>;
}

/** The flow inside a step: its steps by name, the way in, and, for whoever wants it, its JSON. */
export function BoundFlow({ path, title, hint, required }) {
  const id = useContext(Owner), name = useName(path), flow = useEditor((s) => flowOf(byId(s.spec).get(id))), types = useEditor((s) => s.types);
  return (
    <Frame {...{ title, hint, required }}>
      {flow && (
        <>
          <ol className="inner" aria-label="Steps inside">{flow.nodes.filter((n) => !types[n.kind]?.silent).slice(0, 12).map((n) => <li key={n.id} className="row"><Icon name={types[n.kind]?.icon ?? "flow"} size={14} /><span className="clip">{n.title || n.id}</span></li>)}</ol>
          <button type="button" className="btn" data-testid="enter-button" onClick={() => go([...get().path, id])}>{get().readOnly ? "Look inside" : "Edit inside"}</button>
        </>
      )}
      <details className="raw" open={!flow || undefined}><summary className="cap t2">As JSON</summary><BoundText path={path} mode="object" code /></details>
      <Faults id={id} name={name} />
    </Frame>
  );
}

// ---------- lists

/** A list of rows whose last one is always empty: typing into it makes a row. `rows` come from and go to one field. */
function useRows(path, read, make, blank) {
  const [value, write, owner] = useBound(path), [rows, setRows] = useState(null), live = useRef({ rows: null, mine: null }), timer = useRef(null);
  const kept = useMemo(() => read(value), [value]);
  const flush = useCallback(() => {
    clearTimeout(timer.current);
    if (!live.current.rows) return;
    const next = make(live.current.rows);
    live.current.mine = JSON.stringify(next);
    write(next);
  }, [write]);
  useEffect(() => {
    const leave = fieldPending(flush);
    return () => (flush(), leave());
  }, [flush]);
  useEffect(() => {
    if (JSON.stringify(value) !== live.current.mine) (live.current.rows = null), setRows(null);
  }, [value]);
  const put = (next, now = false) => {
    live.current.rows = next;
    setRows(next);
    clearTimeout(timer.current);
    if (now) flush();
    else timer.current = setTimeout(flush, DEBOUNCE_MS);
  };
  const all = [...(rows ?? kept), blank];
  const edit = (i, patch) => put(all.map((r, j) => (j === i ? { ...r, ...patch } : r)).slice(0, i === all.length - 1 ? undefined : -1));
  const drop = (i) => put((rows ?? kept).filter((_, j) => j !== i), true);
  return { rows: all, edit, drop, flush, owner, write };
}

const isJson = (text) => {
  try { return JSON.parse(text), true; } catch { return false; }
};
/** Text is text; where values keep their type, what reads as JSON is JSON, and a text that would is put in quotes. */
const cell = (v, typedValues) => (v === undefined ? "" : typeof v === "string" && !(typedValues && isJson(v)) ? v : JSON.stringify(v));
const uncell = (text, typedValues) => ((typedValues || /^\s*\{\s*"\$secret"/.test(text)) && isJson(text) ? JSON.parse(text) : text);
/** Names and values: headers, query, with, outputs. */
export function BoundPairs({ path, title, required, hint, typed: keep = false, names = "Name", values = "Value" }) {
  const name = useName(path);
  const read = (v) => (v && typeof v === "object" && !Array.isArray(v) ? Object.entries(v).map(([k, x]) => ({ name: k, value: cell(x, keep || typeof x !== "string"), was: x })) : []);
  const make = (rows) => Object.fromEntries(rows.filter((r) => r.name.trim()).map((r) => [r.name.trim(), uncell(r.value, keep || (r.was !== undefined && typeof r.was !== "string"))]));
  const { rows, edit, drop, flush, owner } = useRows(path, read, make, { name: "", value: "" });
  const twice = rows.map((r) => r.name.trim()).find((n, i, all) => n && all.indexOf(n) !== i);
  return (
    <Frame {...{ title, required, hint }}>
      <div className="list-rows">
        {rows.map((r, i) => (
          <div key={i}>
            <input className="field" data-testid={`field-${name}.${i}.name`} aria-label={`${title} ${i + 1}: ${names}`} placeholder={names} value={r.name} onChange={(e) => edit(i, { name: e.target.value })} onBlur={flush} autoComplete="off" spellCheck={false} />
            <input className="field" data-testid={`field-${name}.${i}.value`} aria-label={`${title} ${i + 1}: ${values}`} placeholder={values} value={r.value} onChange={(e) => edit(i, { value: e.target.value })} onBlur={flush} autoComplete="off" spellCheck={false} />
            {i < rows.length - 1 && <IconButton small name="x" size={14} title={`Remove ${r.name || "row"}`} onClick={() => drop(i)} />}
          </div>
        ))}
      </div>
      <Faults id={owner} name={name} error={twice && `${twice} is there twice; the last one counts.`} />
    </Frame>
  );
}

/** The cases of a condition. A renamed way out takes its edges along; a removed one removes them. */
export function BoundCases({ path, title, required, hint }) {
  const owner = useContext(Owner), name = useName(path);
  const [value, write] = useBound(path), cases = Array.isArray(value) ? value : [];
  const save = (next) => {
    const { spec } = get(), ports = new Set(next.map((c) => c.port)), edges = spec.edges.filter((e) => e.source === owner);
    const cut = [], add = [];
    cases.forEach((c, i) => {
      if (!c.port || ports.has(c.port)) return;
      for (const e of edges.filter((x) => x.port === c.port)) {
        cut.push(e);
        const now = next.length === cases.length ? next[i]?.port : null;
        if (now) add.push({ ...e, port: now });
      }
    });
    write(next, [...(cut.length ? [{ op: "remove", nodes: [], edges: cut }] : []), ...(add.length ? [{ op: "add", nodes: [], edges: add }] : [])]);
  };
  return (
    <Frame {...{ title, required, hint }}>
      <div className="list-rows cases">
        {[...cases, { port: "", when: "" }].map((c, i) => (
          <div key={i}>
            <CaseCell name={`${name}.${i}.port`} label={`Case ${i + 1}: way out`} placeholder="way out" value={c.port ?? ""} onSave={(port) => (i < cases.length || port) && save([...cases.slice(0, i), { ...c, port }, ...cases.slice(i + 1)])} />
            <CaseCell name={`${name}.${i}.when`} label={`Case ${i + 1}: when`} placeholder="when" code value={c.when ?? ""} onSave={(when) => (i < cases.length || when) && save([...cases.slice(0, i), { ...c, when }, ...cases.slice(i + 1)])} />
            {i < cases.length && <IconButton small name="x" size={14} title={`Remove case ${i + 1}`} onClick={() => save(cases.filter((_, j) => j !== i))} />}
          </div>
        ))}
      </div>
      <Faults id={owner} name={name} />
    </Frame>
  );
}
function CaseCell({ name, label, placeholder, value, onSave, code }) {
  const d = useDraft(value, onSave, READ_CELL);
  return <input className={`field${code ? " mono" : ""}`} data-testid={`field-${name}`} aria-label={label} placeholder={placeholder} value={d.text} onChange={(e) => d.change(e.target.value)} onBlur={d.blur} autoComplete="off" spellCheck={false} />;
}
const READ_CELL = { show: asText, parse: (t) => ({ value: t }) };

/** Who we are to the other side: nobody, a bearer token, or name and password. Secrets are named, never shown. */
export function BoundAuth({ path, title, hint }) {
  const [value, write, owner] = useBound(path), name = useName(path), type = value?.type ?? "";
  const secret = type === "basic" ? "password" : "token";
  const choose = (next) => write(next === "" ? undefined : next === "basic" ? { type: next, username: value?.username ?? "", password: value?.token ?? value?.password ?? { $secret: "" } } : { type: next, token: value?.token ?? value?.password ?? { $secret: "" } });
  return (
    <Frame {...{ title, hint }}>
      <div className="stack" style={{ gap: 6 }}>
        <select className="field" data-testid={`field-${name}.type`} aria-label={title} value={type} onChange={(e) => choose(e.target.value)}><option value="">None</option><option value="bearer">Bearer token</option><option value="basic">Name and password</option></select>
        {type === "basic" && <BoundInput path={`${inside(path).join(".")}.username`} placeholder="Name" required />}
        {type && <SecretInput path={`${inside(path).join(".")}.${secret}`} />}
      </div>
      <Faults id={owner} name={name} />
    </Frame>
  );
}
export function SecretInput({ path, title }) {
  const [value, write, owner] = useBound(path), name = useName(path);
  const d = useDraft(value?.$secret ?? "", (t) => write({ $secret: t }), READ_CELL);
  return (
    <Frame title={title} hint={d.text ? undefined : "The name of a secret that the operator has set, such as CMS_TOKEN."}>
      <input className="field mono" data-testid={`field-${name}`} aria-label={title ?? "Secret"} placeholder="SECRET_NAME" value={d.text} onChange={(e) => d.change(e.target.value.toUpperCase().replace(/[^A-Z0-9_]/g, ""))} onBlur={d.blur} autoComplete="off" spellCheck={false} />
      <Faults id={owner} name={name} />
    </Frame>
  );
}

/** The workflow's declared inputs: a plain list over a JSON Schema; what the list cannot say stays as it is. */
export function BoundInputs({ title, hint }) {
  const [schema, write] = useBound("inputs"), props = Object.entries(schema?.properties ?? {}), required = new Set(schema?.required ?? []);
  const save = (entries, must) => {
    if (!entries.length) return write(undefined);
    const next = { type: "object", ...schema, properties: Object.fromEntries(entries) };
    const kept = [...must].filter((k) => next.properties[k]);
    if (kept.length) next.required = kept; else delete next.required;
    write(next);
  };
  const rename = (i, name) => {
    const old = props[i]?.[0], clean = name.trim();
    if (!clean || props.some(([k], j) => k === clean && j !== i)) return;
    const entries = i < props.length ? props.map(([k, v], j) => [j === i ? clean : k, v]) : [...props, [clean, { type: "string" }]];
    save(entries, i < props.length && required.has(old) ? [...required].map((k) => (k === old ? clean : k)) : [...required, ...(i < props.length ? [] : [clean])]);
  };
  const patch = (i, change) => save(props.map(([k, v], j) => [k, j === i ? Object.fromEntries(Object.entries({ ...v, ...change }).filter(([, x]) => x !== undefined)) : v]), required);
  return (
    <Frame title={title} hint={hint}>
      <div className="inputs-list">
        {[...props, ["", {}]].map(([key, p], i) => (
          <div key={i}>
            <div className="row">
              <CaseCell name={`inputs.${i}.name`} label={`Input ${i + 1}: name`} placeholder={i < props.length ? "name" : "Add an input: its name"} value={key} onSave={(t) => rename(i, t)} />
              {i < props.length && <IconButton small name="x" size={14} title={`Remove ${key}`} onClick={() => save(props.filter((_, j) => j !== i), required)} />}
            </div>
            {i < props.length && (
              <>
                <div className="two">
                  <CaseCell name={`inputs.${i}.title`} label={`${key}: title`} placeholder="Title" value={p.title ?? ""} onSave={(t) => patch(i, { title: t || undefined })} />
                  <select className="field" data-testid={`field-inputs.${i}.type`} aria-label={`${key}: type`} value={typeof p.type === "string" ? p.type : ""} onChange={(e) => patch(i, { type: e.target.value, default: undefined })}>
                    {[["string", "Text"], ["number", "Number"], ["integer", "Whole number"], ["boolean", "Yes or no"], ["array", "List"], ["object", "Object"]].map(([v, t]) => <option key={v} value={v}>{t}</option>)}
                    {typeof p.type !== "string" && <option value="">Other</option>}
                  </select>
                </div>
                <div className="row">
                  <CaseCell name={`inputs.${i}.default`} label={`${key}: default`} placeholder="Default" value={p.default === undefined ? "" : asText(p.default)} onSave={(t) => patch(i, { default: t === "" ? undefined : typed(t, p.type) })} />
                  <label className="row cap t2" style={{ whiteSpace: "nowrap" }}><input type="checkbox" data-testid={`field-inputs.${i}.required`} checked={required.has(key)} onChange={(e) => save(props, e.target.checked ? [...required, key] : [...required].filter((k) => k !== key))} />Required</label>
                </div>
              </>
            )}
          </div>
        ))}
      </div>
      <Faults id={null} name="inputs" />
    </Frame>
  );
}
/** A typed-in value as a declared type has it. */
export function typed(text, type) {
  if (type === "string" || text === "") return text;
  try {
    const value = JSON.parse(text);
    return type === "string" ? text : value;
  } catch { return text; }
}
