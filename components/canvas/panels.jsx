// Everything around the drawing that reacts: top bar, inspector head, problems, dock, run dialog, toasts.
import React, { useEffect, useId, useRef, useState } from "react";
import { useLocation } from "react-router";
import { useMod } from "../../live/live/person.js";
import * as act from "./actions.js";
import { CodeDialog } from "./code.jsx";
import { BoundInput, Owner, typed } from "./fields.jsx";
import { dayTime, took, duration } from "./fold.js";
import { byId, getPath, refuseName, renameStep } from "./graph.js";
import { levels } from "./inside.js";
import * as live from "./live.js";
import { Badge, Chip, Icon, IconButton, Tile } from "./parts.jsx";
import { commit, dismiss, flushFields, get, getView, go, jump, nodeOf, redo, select, set, setTypes, toast, undo, useEditor, useToasts } from "./store.js";
import { api, open, reload, saved } from "./sync.js";
import { fault } from "./words.js";
import { Events, Facts, Outputs, StepInput, StepOutput, Timeline } from "./timeline.jsx";

const plural = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;
const idFrom = (path, place) => new RegExp(`^/${place}/([^/?#]+)`).exec(path)?.[1] ?? null;

// ---------- the page

/** Opens the workflow that the address names; keys, clipboard and the last run come with it. */
export function Editor({ types, children }) {
  setTypes(types);
  const { pathname } = useLocation(), id = idFrom(pathname, "workflows"), failure = useEditor((s) => s.failure);
  useEffect(() => {
    if (!id) return;
    live.forget();
    open(id).then(() => live.lastRun(id)).then((run) => run && get().workflowId === id && !live.currentRun().runId && live.follow(run.id, run));
  }, [id]);
  useEffect(() => {
    const on = [["keydown", act.onKey, window], ["copy", act.onCopy, document], ["cut", act.onCopy, document], ["paste", act.onPaste, document]];
    for (const [name, f, target] of on) target.addEventListener(name, f);
    return () => {
      for (const [name, f, target] of on) target.removeEventListener(name, f);
      flushFields();
      live.forget();
    };
  }, []);
  const name = useEditor((s) => s.root.name);
  useEffect(() => { if (name) document.title = `${name} · Nexod`; }, [name]);
  return <div className="main editor">{failure ? <Failure failure={failure} place="/" /> : children}<Toasts /><span id="nexod-live" className="sr" role="status" aria-live="polite" /></div>;
}
export function Failure({ failure, place }) {
  const words = { 401: ["You are signed out", "Sign in to see this page.", "/login", "Sign in"], 404: ["There is nothing here", "It may have been deleted, or the address is wrong.", place, "Back"] }[failure.status] ?? ["Could not load", failure.message, place, "Back"];
  return <div className="empty" style={{ margin: "auto" }}><span className="em"><Icon name="warn" size={22} /></span><b className="strong">{words[0]}</b><p>{words[1]}</p><a className="btn" href={words[2]}>{words[3]}</a></div>;
}
export function Toasts() {
  const toasts = useToasts();
  return (
    <div className="toasts">{toasts.map((t) => (
      <div className="toast" key={t.id} role={t.status === "failed" ? "alert" : "status"}>
        <Badge status={t.status} /><div className="grow"><b>{t.title}</b>{t.text && <p>{t.text}</p>}</div>
        {t.action && <button type="button" className="btn sm" onClick={() => (dismiss(t.id), t.action.run())}>{t.action.title}</button>}
        <IconButton small name="x" size={14} title="Dismiss" onClick={() => dismiss(t.id)} />
      </div>
    ))}</div>
  );
}

// ---------- top bar

export function Name() {
  const { root, path } = useEditor((s) => ({ root: s.root, path: s.path })), flows = levels(root, path);
  const names = [root.name || "Untitled", ...path.map((id, i) => byId(flows[i]).get(id)?.title || id)];
  return names.map((name, i) => (
    <React.Fragment key={i}>
      {i > 0 && <span className="hide-m"><Icon name="right" size={14} /></span>}
      {i < path.length ? <button type="button" className="link clip" onClick={() => go(path.slice(0, i))}>{name}</button> : path.length ? <b className="clip">{name}</b> : <button type="button" className="clip own-name" title="Change the name" onClick={() => jump({ field: "name" })}>{name}</button>}
    </React.Fragment>
  ));
}

const SAVE = { saved: ["check", "Saved"], saving: ["spin", "Saving"], unsaved: ["dot", "Not saved yet"], conflict: ["warn", "Changed elsewhere"] };
export function SaveState() {
  const state = useEditor((s) => s.saveState), [icon, word] = SAVE[state];
  return (
    <span className="row save" data-testid="save-state" data-state={state} role="status">
      <Icon name={icon} size={14} bold className={state === "saving" ? "spin on" : ""} />{word}
      {state === "conflict" && <button type="button" className="btn sm" onClick={reload}>Reload</button>}
    </span>
  );
}
const ACTIONS = { undo: [undo, (s) => !s.undo.length], redo: [redo, (s) => !s.redo.length], remove: [act.remove, () => false], duplicate: [act.duplicate, () => false], tidy: [act.tidyUp, () => false], run: [() => set({ dialog: "run" }), (s) => !s.loaded], versions: [() => set({ dialog: "versions" }), (s) => !s.loaded], code: [() => set({ dialog: "code" }), (s) => !s.loaded], help: [() => set({ dialog: "help" }), () => false], close: [() => select([]), () => false], steps: [() => document.querySelector(".palette")?.classList.toggle("shown"), () => false] };
/** A button that does something to the drawing; what it looks like is said in Python. */
export function Action({ act: name, children, ...rest }) {
  const [run, off] = ACTIONS[name], disabled = useEditor(off);
  return <button type="button" {...rest} disabled={disabled} onClick={() => run()}>{children}</button>;
}
export function TargetSwitch(props) {
  const target = useEditor((s) => s.root.target);
  const choose = (value) => value !== target && commit([{ op: "set", id: null, path: ["target"], value }], { path: [] });
  return (
    <span {...props} className="seg" role="radiogroup" aria-label="Target" data-value={target}>
      {[["langgraph", "LangGraph"], ["crewai", "CrewAI"]].map(([v, t]) => <button key={v} type="button" role="radio" aria-checked={target === v} data-value={v} onClick={() => choose(v)}>{t}</button>)}
    </span>
  );
}
/** Takes the file as the server writes it, after everything is saved. */
export function ExportButton({ children, ...rest }) {
  const go = async () => {
    const { workflowId, root: spec } = get();
    if (!(await saved())) return toast("Not exported", { status: "failed", text: "The last changes are not saved yet." });
    const answer = await fetch(`/api/v1/workflows/${workflowId}/export`, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) {
      const error = (await answer?.json().catch(() => null))?.error;
      return toast("Not exported", { status: "failed", text: error?.details?.[0]?.message ?? error?.message ?? "The server did not answer." });
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${spec.name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "workflow"}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  return <button type="button" {...rest} onClick={go}>{children}</button>;
}
/** A small menu below a button; its rows are the children. */
export function MenuButton({ title, icon = "dots", children }) {
  const [shown, setShown] = useState(false), box = useRef(null);
  useEffect(() => {
    if (!shown) return;
    const away = (e) => !box.current?.contains(e.target) && setShown(false), esc = (e) => e.key === "Escape" && setShown(false);
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", esc);
    return () => (document.removeEventListener("pointerdown", away), document.removeEventListener("keydown", esc));
  }, [shown]);
  return <span ref={box} style={{ position: "relative" }}><IconButton name={icon} size={18} title={title} aria-expanded={shown} onClick={() => setShown(!shown)} />{<div className="menu" hidden={!shown} style={{ right: 0, top: 36, display: shown ? "block" : "none" }} onClick={() => setShown(false)}>{children}</div>}</span>;
}

// ---------- inspector

export function InspectorHead() {
  const { node, type } = useEditor((s) => {
    const node = s.selection.nodes.length === 1 ? byId(s.spec).get(s.selection.nodes[0]) : null;
    return { node, type: s.types[node?.kind] };
  });
  const count = useEditor((s) => s.selection.nodes.length), inner = useEditor((s) => s.path.length > 0);
  if (!node) return <header><span className="tile g-logic"><Icon name={count ? "copy" : "flow"} size={20} /></span><div className="grow"><h2 className="clip">{count ? plural(count, "step") : inner ? "Flow inside" : "Workflow"}</h2><div className="cap t3">{count ? "Move, copy or delete them together" : inner ? "Inputs and outputs" : "Name, inputs and outputs"}</div></div></header>;
  return (
    <Owner.Provider value={node.id} key={node.id}>
      <header>
        <Tile type={type} />
        <div className="grow"><BoundInput path="title" className="rename" data-testid="field-title" aria-label="Title" required placeholder={type?.title} /><div className="cap t3">{type?.title ?? node.kind} · <StepId id={node.id} /></div></div>
        <IconButton small name="help" title="What this step does" onClick={() => set({ dialog: "help" })} />
        <IconButton small name="x" title="Close" onClick={() => select([])} />
      </header>
    </Owner.Provider>
  );
}
/** The name that expressions use; a press on it lets one change it, wherever it is read. */
function StepId({ id }) {
  const [text, setText] = useState(null), readOnly = useEditor((s) => s.readOnly);
  const done = () => {
    const name = text?.trim(), fault = name && name !== id && refuseName(get().spec, name);
    setText(null);
    if (fault) return toast(fault, { status: "waiting" });
    if (!name || name === id) return;
    commit(renameStep(get().spec, id, name));
    select([name]);
  };
  const key = (e) => (e.key === "Enter" && done(), e.key === "Escape" && (e.stopPropagation(), setText(null)));
  if (text === null) return <button type="button" className="mono step-id" data-testid="step-id" title="The name that expressions use" disabled={readOnly} onClick={() => setText(id)}>{id}</button>;
  return <input className="mono step-id" data-testid="field-id" aria-label="Name in expressions" autoFocus value={text} onChange={(e) => setText(e.target.value)} onBlur={done} onKeyDown={key} autoComplete="off" spellCheck={false} />;
}
/** The inspector's own element tells whether something is chosen. */
export function Inspector({ children, ...rest }) {
  const { one, loaded } = useEditor((s) => ({ one: s.selection.nodes.length > 0, loaded: s.loaded }));
  return <aside {...rest} data-testid="inspector" data-chosen={one || undefined} className="insp" aria-label="Inspector">{loaded ? children : <div className="form">{[60, 90, 90].map((w, i) => <i key={i} className="sk" style={{ display: "block", height: 12, width: `${w}%` }} />)}</div>}</aside>;
}
const TABS = [["configure", "Configure"], ["data", "Data"], ["reliability", "Reliability"]];
export function Tabs() {
  const { tab, note } = useEditor((s) => ({ tab: s.tab, note: s.types[byId(s.spec).get(s.selection.nodes[0])?.kind]?.silent }));
  if (note) return null;
  return <div className="tabs" role="tablist">{TABS.map(([k, t]) => <button type="button" key={k} role="tab" aria-selected={tab === k} onClick={() => set({ tab: k })}>{t}</button>)}</div>;
}
/** What the chosen step read and made in the run shown. */
export const DataTab = () => <div className="data-tab"><StepInput /><StepOutput /></div>;

export function Problems({ own = false }) {
  const { problems, spec, types } = useEditor((s) => ({ problems: s.problems, spec: s.root, types: s.types }));
  const sorted = [...problems].sort((a, b) => (a.severity === "error" ? 0 : 1) - (b.severity === "error" ? 0 : 1));
  if (!sorted.length) return own ? null : <p className="hint" style={{ margin: 0 }}>{spec.nodes.some((n) => !types[n.kind]?.silent) ? "No problems. It can run." : "It can run once it has a step."}</p>;
  return (
    <div>{sorted.map((p, i) => {
      const node = byId(spec).get((p.node_id ?? "").split(/[/[]/)[0]);
      return (
        <div key={i} className="prob" data-testid="problem-row" data-code={p.code} data-node={p.node_id ?? ""} data-severity={p.severity}>
          <span className={`bd s-${p.severity === "error" ? "failed" : "waiting"}`}><Icon name={p.code === "missing_key" ? "key" : p.severity === "error" ? "x" : "warn"} size={13} bold /><span className="sr">{p.severity}</span></span>
          <div className="grow"><b>{node ? `${node.title || node.id}: ` : ""}{fault(p, node?.title)}</b><p>{p.hint}</p></div>
          <button type="button" className="btn sm" onClick={() => jump(p)}>{p.severity === "error" ? "Fix" : "Show"}</button>
        </div>
      );
    })}</div>
  );
}

// ---------- dock: the last run, and the problems

const ago = (t) => {
  const s = (Date.now() - t) / 1000;
  return s < 60 ? "just now" : s < 3600 ? `${Math.floor(s / 60)} min ago` : s < 86400 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} days ago`;
};
export function Dock() {
  const { run, runId } = live.useRun(), { dock, problems, step } = useEditor((s) => ({ dock: s.dock, problems: s.problems, step: s.selection.nodes.length === 1 && s.tab !== "data" }));
  const errors = problems.filter((p) => p.severity === "error").length, warnings = problems.length - errors;
  const toggle = (name) => set({ dock: get().dock === name ? null : name });
  const shown = dock && (dock === "problems" || run) ? dock : null;
  return (
    <div className={`dock${shown ? " open" : ""}`}>
      <header>
        <button type="button" className="btn ghost sm" disabled={!run} aria-expanded={!!shown && shown !== "problems"} onClick={() => toggle(dock && dock !== "problems" ? dock : "timeline")}><Icon name={shown && shown !== "problems" ? "down" : "up"} />Last run</button>
        {run ? (
          <span className="row sum num">
            <span data-testid="run-status" data-status={run.status}><Chip status={run.status} /></span>
            {run.createdAt && <span className="hide-s hide-m">{ago(run.createdAt)}</span>}
            <span className="hide-m"><Facts brief /></span>
            {run.waitingFor.length > 0 && <a className="link" href={`/inbox?id=${run.waitingFor[0]}`}>{run.waitingFor.length === 1 ? "Needs your answer" : `${run.waitingFor.length} questions wait`}</a>}
            <a className="link hide-m" href={`/runs/${runId}`}>Open run</a>
          </span>
        ) : <span className="cap t3">Not run yet</span>}
        <span className="grow" />
        {run?.endedAt && <IconButton small name="x" size={14} title="Clear the run from the drawing" onClick={live.forget} />}
        {run && !run.endedAt && <button type="button" className="btn danger sm" data-testid="cancel-button" onClick={live.cancel}><Icon name="stop" size={14} />Cancel</button>}
        <button type="button" className={`btn ghost sm ${errors ? "faulty" : warnings ? "warned" : ""}`} aria-expanded={shown === "problems"} onClick={() => toggle("problems")}><Icon name={problems.length ? "warn" : "check"} />{errors ? plural(errors, "problem") : warnings ? plural(warnings, "warning") : "No problems"}</button>
      </header>
      {shown && shown !== "problems" && <div className="tabs" role="tablist">{[["timeline", "Timeline"], ["result", "Result"], ["events", "Events"]].map(([k, t]) => <button type="button" key={k} role="tab" aria-selected={shown === k} onClick={() => set({ dock: k })}>{t}</button>)}</div>}
      {shown === "timeline" && (
        <div className={`sheet${step ? " split" : ""}`}>
          <div className="half"><Timeline />{run.status === "completed" || run.error ? <div className="ending"><Outputs /></div> : null}</div>
          {step && <div className="half io"><StepInput /><StepOutput /></div>}
        </div>
      )}
      {shown === "result" && <div className="sheet pad"><Outputs /></div>}
      {shown === "events" && <div className="sheet"><Events /></div>}
      {shown === "problems" && <div className="sheet pad"><Problems /></div>}
    </div>
  );
}

// ---------- dialogs

/** The browser's own modal dialog: focus stays inside, Escape closes. */
export function Dialog({ onClose, wide, label, children }) {
  const box = useRef(null);
  useEffect(() => {
    const el = box.current;
    if (!el.open) el.showModal();
    return () => el.close();
  }, []);
  return <dialog ref={box} className={`dlg${wide ? " wide" : ""}`} aria-label={label} onCancel={(e) => (e.preventDefault(), onClose())} onPointerDown={(e) => e.target === box.current && onClose()}>{children}</dialog>;
}
export function Dialogs() {
  const dialog = useEditor((s) => s.dialog), close = () => set({ dialog: null });
  if (dialog === "run") return <RunDialog onClose={close} />;
  if (dialog === "versions") return <VersionsDialog onClose={close} />;
  if (dialog === "code") return <CodeDialog onClose={close} />;
  if (dialog === "help") return <HelpDialog onClose={close} />;
  return null;
}

const shownDefault = (p) => (p.default === undefined ? (p.type === "boolean" ? false : "") : typeof p.default === "string" || typeof p.default === "boolean" ? p.default : JSON.stringify(p.default));
const ask = new Map();
function RunDialog({ onClose }) {
  const { spec, problems, workflowId } = useEditor((s) => ({ spec: s.root, problems: s.problems, workflowId: s.workflowId }));
  const props = Object.entries(spec.inputs?.properties ?? {}), required = new Set(spec.inputs?.required ?? []);
  const [values, setValues] = useState(() => ({ ...Object.fromEntries(props.map(([k, p]) => [k, shownDefault(p)])), ...(ask.get(workflowId) ?? {}) }));
  const [busy, setBusy] = useState(false), [faults, setFaults] = useState({}), [refused, setRefused] = useState(null);
  const warnings = problems.filter((p) => p.severity === "warning").length, errors = problems.filter((p) => p.severity === "error");
  const submit = async (e) => {
    e.preventDefault();
    if (busy) return;
    const inputs = {}, wrong = {};
    for (const [k, p] of props) {
      const v = values[k];
      if (v === "" || v === undefined) {
        if (required.has(k) && p.type !== "string") wrong[k] = "This is needed.";
        else if (required.has(k)) inputs[k] = "";
        continue;
      }
      inputs[k] = p.enum ? p.enum.find((o) => String(o) === String(v)) ?? v : typeof v === "string" ? typed(v, p.type ?? "string") : v;
    }
    if (props.some(([k, p]) => required.has(k) && p.type === "string" && !String(values[k] ?? "").length)) for (const [k, p] of props) if (required.has(k) && p.type === "string" && !String(values[k] ?? "").length) wrong[k] = "This is needed.";
    setFaults(wrong);
    setRefused(null);
    if (Object.keys(wrong).length) return;
    setBusy(true);
    try {
      if (!(await saved())) throw { message: "The last changes are not saved yet.", details: [] };
      ask.set(workflowId, values);
      await live.start(inputs);
      onClose();
      requestAnimationFrame(() => requestAnimationFrame(act.keepInSight));
    } catch (error) {
      const at = {}, rest = [];
      for (const d of error.details ?? []) {
        const name = String(d.field ?? "").replace(/^inputs\.?/, "").split(".")[0];
        if (props.some(([k]) => k === name) && !d.node_id) at[name] = [d.message, d.hint].filter(Boolean).join(" ");
        else rest.push(d);
      }
      setFaults(at);
      if (!Object.keys(at).length || rest.length) setRefused({ message: error.message ?? "Could not start.", details: rest });
    } finally { setBusy(false); }
  };
  return (
    <Dialog onClose={onClose} label="Run this workflow">
      <form onSubmit={submit} noValidate>
        <div className="body" style={{ padding: "14px 16px" }}>
          <h2>Run this workflow</h2>
          <p className="t2 cap" style={{ margin: "2px 0 14px" }}>{spec.target === "crewai" ? "CrewAI" : "LangGraph"}{warnings > 0 && ` · ${plural(warnings, "warning")}`}{errors.length > 0 && <span className="faulty"> · {plural(errors.length, "problem")} to fix first</span>}</p>
          <div className="stack" style={{ gap: 12 }}>
            {props.map(([k, p], i) => <RunInput key={k} name={k} schema={p} required={required.has(k)} value={values[k]} fault={faults[k]} autoFocus={i === 0} onChange={(v) => setValues({ ...values, [k]: v })} />)}
            {!props.length && <p className="t2">It takes no inputs.</p>}
            {refused && <div className="prob" role="alert" style={{ padding: 0 }}><span className="bd s-failed"><Icon name="x" size={13} bold /></span><div className="grow"><b>{refused.message}</b>{refused.details.slice(0, 5).map((d, i) => <p key={i}>{d.node_id && <button type="button" className="link" onClick={() => (onClose(), jump(d))}>{nodeOf(d.node_id)?.title || d.node_id}</button>} {d.message} {d.hint}</p>)}</div></div>}
          </div>
        </div>
        <footer><button type="button" className="btn" onClick={onClose}>Cancel</button><button type="submit" className="btn primary" data-testid="run-submit" disabled={busy}><Icon name={busy ? "spin" : "play"} size={14} className={busy ? "spin on" : ""} />Run</button></footer>
      </form>
    </Dialog>
  );
}
const spoken = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
function RunInput({ name, schema, required, value, fault, onChange, autoFocus }) {
  const id = useId(), title = schema.title || spoken(name), common = { id, "data-testid": `run-input-${name}`, className: "field", "aria-invalid": !!fault, autoFocus };
  const long = schema.type === "string" && (schema.format === "textarea" || String(value).length > 60 || String(value).includes("\n"));
  return (
    <div>
      <label className="label" htmlFor={id}>{title}{required && <span className="req" title="Required">*</span>}</label>
      {schema.enum ? <select {...common} value={value ?? ""} onChange={(e) => onChange(e.target.value)}>{!required && <option value="" />}{required && value === "" && <option value="">Choose</option>}{schema.enum.map((o) => <option key={String(o)} value={String(o)}>{String(o)}</option>)}</select>
        : schema.type === "boolean" ? <select {...common} value={String(value)} onChange={(e) => onChange(e.target.value === "true")}><option value="true">Yes</option><option value="false">No</option></select>
        : schema.type === "object" || schema.type === "array" || long ? <textarea {...common} rows={4} className={`field ${schema.type === "string" ? "" : "mono"}`} value={value} onChange={(e) => onChange(e.target.value)} />
        : <input {...common} inputMode={schema.type === "number" || schema.type === "integer" ? "decimal" : undefined} value={value} onChange={(e) => onChange(e.target.value)} autoComplete="off" />}
      {fault ? <p className="err" role="alert">{fault}</p> : schema.description && <p className="hint">{schema.description}</p>}
    </div>
  );
}

function VersionsDialog({ onClose }) {
  const { workflowId } = get(), [rows, setRows] = useState(null), [busy, setBusy] = useState(false);
  const load = () => api(`/workflows/${workflowId}/versions`).then((a) => setRows(a.items ?? a), (e) => setRows({ message: e.message }));
  useEffect(() => void load(), []);
  const save = async () => {
    setBusy(true);
    try {
      if (!(await saved())) throw { message: "The last changes are not saved yet." };
      const made = await api(`/workflows/${workflowId}/versions`, { method: "POST", body: {} });
      toast(`Version ${made.version} saved`);
      await load();
    } catch (e) { toast("Not saved as a version", { status: "failed", text: e.details?.[0]?.message ?? e.message }); }
    setBusy(false);
  };
  return (
    <Dialog onClose={onClose} label="Versions">
      <div className="body"><h2>Versions</h2><p className="t2 cap" style={{ margin: "2px 0 10px" }}>A version never changes. Each run keeps the one it began with.</p>
        {!rows ? <i className="sk" style={{ display: "block", height: 32 }} /> : rows.message ? <p className="err">{rows.message}</p> : rows.length ? rows.map((v) => <div key={v.version} className="prob"><span className="chip mono">v{v.version}</span><span className="grow t2">{dayTime(v.created_at)}</span></div>) : <p className="t2">No version yet. The first run makes one.</p>}
      </div>
      <footer><button type="button" className="btn" onClick={onClose}>Close</button><button type="button" className="btn primary" disabled={busy} onClick={save}>Save version</button></footer>
    </Dialog>
  );
}

const KEYS = [["/", "Find a step"], ["A", "Add a step below"], ["C", "Connect to a step"], ["Enter", "Open the inspector"], ["↑ ↓ ← →", "Follow the edges"], ["Shift ↑ ↓ ← →", "Move by 20"], ["Delete", "Delete"], ["{mod} C, V, X, D", "Copy, paste, cut, duplicate"], ["{mod} A", "Select all"], ["Shift drag", "Select a box"], ["{mod} Z, {mod} Shift Z", "Undo, redo"], ["{mod} ↵", "Run"], ["?", "These keys"]];
function HelpDialog({ onClose }) {
  const mod = useMod();
  const type = useEditor((s) => (s.selection.nodes.length === 1 ? s.types[byId(s.spec).get(s.selection.nodes[0])?.kind] : null));
  return (
    <Dialog onClose={onClose} label={type ? type.title : "Keys"}>
      <div className="body">{type ? <><div className="row" style={{ marginBottom: 10 }}><Tile type={type} size="m" /><h2>{type.title}</h2></div><Help text={type.help} /></> : <><h2 style={{ marginBottom: 10 }}>Keys</h2><dl className="kv" style={{ gridTemplateColumns: "150px 1fr" }}>{KEYS.map(([k, t]) => <React.Fragment key={k}><dt><kbd>{k.replaceAll("{mod}", mod)}</kbd></dt><dd>{t}</dd></React.Fragment>)}</dl></>}</div>
      <footer><button type="button" className="btn" onClick={onClose}>Close</button></footer>
    </Dialog>
  );
}
/** The little markdown that help pages use; everything becomes text, never markup from outside. */
function Help({ text }) {
  const dedent = (text ?? "").replace(/\n {4}/g, "\n"), blocks = dedent.split(/\n\s*\n/);
  return <div className="prose stack">{blocks.map((b, i) => (b.startsWith("```") ? <pre key={i} className="pre">{b.replace(/^```\w*\n?|```$/g, "")}</pre> : /^- /.test(b) ? <ul key={i} className="stack" style={{ gap: 4 }}>{b.split(/\n(?=- )/).map((l, j) => <li key={j} style={{ paddingLeft: 14, textIndent: -10 }}>• <Inline text={l.slice(2)} /></li>)}</ul> : <p key={i}><Inline text={b} /></p>))}</div>;
}
const Inline = ({ text }) => text.replace(/\n/g, " ").split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\([^)]+\))/).map((t, i) => (t[0] === "`" ? <code key={i} className="xp">{t.slice(1, -1)}</code> : t.startsWith("**") ? <b key={i}>{t.slice(2, -2)}</b> : t[0] === "*" && t.length > 2 ? <em key={i}>{t.slice(1, -1)}</em> : /^\[/.test(t) ? t.replace(/^\[([^\]]+)\].*$/, "$1") : t));
