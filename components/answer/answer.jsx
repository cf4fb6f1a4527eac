// A person's answer while it is being written. Kept in this tab by approval, so that a reload loses nothing.
import { useEffect, useState, useSyncExternalStore } from "react";
import { useMod } from "../../live/live/person.js";

const Icon = ({ name, size = 16, bold }) => (
  <svg className={bold ? "ic b" : "ic"} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
    <use href={`#i-${name}`} />
  </svg>
);

const EMPTY = { edits: {}, comment: "" };
const drafts = new Map();
const listeners = new Set();
const place = (id) => `nexod_answer_${id}`;

function draftOf(id) {
  if (!drafts.has(id)) drafts.set(id, JSON.parse(sessionStorage.getItem(place(id)) ?? "null") ?? EMPTY);
  return drafts.get(id);
}

function write(id, draft) {
  drafts.set(id, draft);
  sessionStorage.setItem(place(id), JSON.stringify(draft));
  listeners.forEach((tell) => tell());
}

const subscribe = (tell) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};
const useDraft = (id) => useSyncExternalStore(subscribe, () => draftOf(id), () => EMPTY);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function edit(id, field, value) {
  const draft = draftOf(id);
  const { [field.name]: _, ...edits } = draft.edits;
  write(id, { ...draft, edits: same(value, field.was) ? edits : { ...edits, [field.name]: value } });
}

const shownText = (value) => (typeof value === "string" ? value : value == null ? "" : JSON.stringify(value, null, 2));

// What was typed, as the value that the form's schema speaks of.
function read(kind, text) {
  if (kind === "text" || kind === "long") return text;
  if (text.trim() === "") return undefined;
  if (kind === "json") {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function Input({ field, value, onValue, invalid, describedBy }) {
  const common = {
    id: `answer-${field.name}`,
    className: "field",
    "data-testid": `approval-field-${field.name}`,
    "aria-invalid": invalid || undefined,
    "aria-required": field.required || undefined,
    "aria-describedby": describedBy,
  };
  const [typed, setTyped] = useState(shownText(value));
  const type = (event) => {
    setTyped(event.target.value);
    onValue(read(field.kind, event.target.value));
  };
  // An Undo, or another draft, comes from outside.
  useEffect(() => {
    if (!same(read(field.kind, typed), value ?? read(field.kind, ""))) setTyped(shownText(value));
  }, [JSON.stringify(value)]);

  if (field.kind === "boolean")
    return <input {...common} className="sw" type="checkbox" role="switch" checked={!!value} onChange={(event) => onValue(event.target.checked)} />;
  if (field.kind === "choice")
    return (
      <select {...common} value={field.options.findIndex((one) => same(one, value))} onChange={(event) => onValue(field.options[event.target.value])}>
        {!field.options.some((one) => same(one, value)) && <option value={-1}>Choose</option>}
        {field.options.map((one, index) => (
          <option key={index} value={index}>{shownText(one)}</option>
        ))}
      </select>
    );
  if (field.kind === "long" || field.kind === "json")
    return <textarea {...common} className={`field${field.kind === "json" ? " mono" : ""}`} rows={5} value={typed} onChange={type} />;
  return <input {...common} inputMode={field.kind === "text" ? undefined : "decimal"} value={typed} onChange={type} />;
}

function Row({ approval, field, fault }) {
  const { edits } = useDraft(approval);
  const changed = field.name in edits;
  const value = changed ? edits[field.name] : field.was;
  const note = `answer-${field.name}-note`;
  return (
    <div className={changed ? "answer changed" : "answer"}>
      <label className="label" htmlFor={`answer-${field.name}`}>
        {field.title}
        {field.required && <span className="req" aria-hidden="true">*</span>}
        {changed && (
          <button type="button" className="link" onClick={() => edit(approval, field, field.was)}>
            Undo
          </button>
        )}
      </label>
      <Input field={field} value={value} onValue={(next) => edit(approval, field, next)} invalid={!!fault} describedBy={note} />
      <div id={note}>
        {fault && <p className="err" role="alert">{fault}</p>}
        {changed && field.was != null && <p className="was">Was: {shownText(field.was)}</p>}
        {!changed && field.help && <p className="hint">{field.help}</p>}
      </div>
    </div>
  );
}

export function AnswerFields({ approval, fields, faults }) {
  const count = Object.keys(useDraft(approval).edits).length;
  if (!fields?.length) return null;
  return (
    <div className="card">
      <header>
        Change before you approve
        {count > 0 && <span className="chip on">{count === 1 ? "1 edit" : `${count} edits`}</span>}
      </header>
      <div className="fill">
        {fields.map((field) => (
          <Row key={`${approval} ${field.name}`} approval={approval} field={field} fault={faults?.[field.name]} />
        ))}
      </div>
    </div>
  );
}

export function AnswerBar({ approval, data, hash, faults, onAnswer }) {
  const draft = useDraft(approval);
  const [sent, setSent] = useState(""), mod = useMod();
  const count = Object.keys(draft.edits).length;
  const send = (decision) => {
    setSent(`${approval} ${decision}`);
    const edited = count > 0 && decision === "approve" ? { data: { ...data, ...draft.edits } } : {};
    onAnswer({ id: approval, decision, comment: draft.comment, hash, ...edited });
  };
  // A refused answer can be corrected and sent again.
  useEffect(() => setSent(""), [approval, JSON.stringify(faults)]);
  useEffect(() => {
    if (!sent) return undefined;
    const timer = setTimeout(() => setSent(""), 4000);
    return () => clearTimeout(timer);
  }, [sent]);
  useEffect(() => {
    const down = (event) => {
      if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || sent) return;
      event.preventDefault();
      send("approve");
    };
    addEventListener("keydown", down);
    return () => removeEventListener("keydown", down);
  });
  return (
    <div className="act">
      <input
        className="field"
        placeholder="Comment"
        aria-label="Comment"
        data-testid="comment-field"
        maxLength={10000}
        value={draft.comment}
        onChange={(event) => write(approval, { ...draft, comment: event.target.value })}
      />
      <button type="button" className="btn" data-testid="reject-button" disabled={!!sent} onClick={() => send("reject")}>
        <Icon name="x" bold />
        Reject
      </button>
      <button type="button" className="btn primary" data-testid="approve-button" disabled={!!sent} onClick={() => send("approve")}>
        <Icon name="check" bold />
        {count === 0 ? "Approve" : `Approve with ${count === 1 ? "1 edit" : `${count} edits`}`}
        <kbd className="hide-m">{mod} ↵</kbd>
      </button>
    </div>
  );
}
