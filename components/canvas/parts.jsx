// Small parts that every panel draws with: icon, badge, chip, tile, JSON and text views.
import React, { memo, useState } from "react";
import { SHAPES } from "../../icons/sprite.js";
import { copyText } from "../../live/live/person.js";

export const ICONS = { idle: "dot", pending: "dot", running: "spin", waiting: "pause", completed: "check", failed: "x", skipped: "skip", cancelled: "stop", needs_review: "quest" };
export const WORDS = { idle: "Idle", pending: "Pending", running: "Running", waiting: "Waiting", completed: "Completed", failed: "Failed", skipped: "Skipped", cancelled: "Cancelled", needs_review: "Needs review" };

export const Icon = memo(({ name, size = 16, bold = false, className = "" }) => (
  <svg className={`ic ${bold ? "b " : ""}${className}`} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" dangerouslySetInnerHTML={{ __html: SHAPES[name] ?? SHAPES.flow }} />
));
export const Badge = ({ status, size = 13 }) => (
  <span className={`bd s-${status}`} title={WORDS[status]}><Icon name={ICONS[status]} size={size} bold className="spin" /><span className="sr">{WORDS[status]}</span></span>
);
export const Chip = ({ status, children }) => (
  <span className={`st s-${status}`}><Icon name={ICONS[status] ?? "dot"} size={14} bold className="spin" />{children ?? WORDS[status] ?? status}</span>
);
export const Tile = ({ type, size = "" }) => (
  <span className={`tile ${size} g-${type?.tone ?? (type?.group ?? "logic").toLowerCase()}`}><Icon name={type?.icon ?? "flow"} size={{ "": 20, m: 16, s: 14 }[size]} /></span>
);

export const text = (value) => (value == null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));
export const IconButton = ({ name, title, small = false, size = 16, ...rest }) => (
  <button type="button" className={`btn ghost icon ${small ? "sm" : ""}`} title={title} aria-label={title} {...rest}><Icon name={name} size={size} /></button>
);
export function Seg({ value, options, onChange, small = true, label, ...rest }) {
  return (
    <span className={`seg ${small ? "sm" : ""}`} role="radiogroup" aria-label={label} {...rest}>
      {options.map(([key, title]) => <button key={key} type="button" role="radio" aria-checked={value === key} data-value={key} onClick={() => onChange(key)}>{title}</button>)}
    </span>
  );
}
export function CopyButton({ value, title = "Copy", words = false }) {
  const [done, setDone] = useState(false);
  const copy = async () => (await copyText(text(value))) && (setDone(true), setTimeout(() => setDone(false), 1200));
  if (words) return <button type="button" className="btn" onClick={copy}><Icon name={done ? "check" : "copy"} size={14} /><span aria-live="polite">{done ? "Copied" : title}</span></button>;
  return <IconButton small name={done ? "check" : "copy"} size={14} title={title} onClick={copy} />;
}

const Prose = ({ children }) => <div className="prose">{String(children).split(/\n{2,}/).map((p, i) => <p key={i} style={{ whiteSpace: "pre-wrap" }}>{p}</p>)}</div>;
const width = (score) => `scaleX(${Math.min(Math.max(score, 0), 1)})`;
const areMatches = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one?.text === "string" && typeof one?.score === "number" && one.metadata && typeof one.metadata === "object");
/** Passages with their scores, in the order in which they were found. */
function Matches({ value }) {
  const [open, setOpen] = useState(() => new Set());
  const turn = (i) => setOpen((all) => new Set(all.has(i) ? [...all].filter((one) => one !== i) : [...all, i]));
  return (
    <ol className="found-passages">
      {value.map((one, i) => {
        const about = one.metadata, place = [about.heading, about.page && `page ${about.page}`].filter(Boolean).join(" · ");
        return (
          <li key={one.id ?? i} data-testid="run-match">
            <button type="button" aria-expanded={open.has(i)} onClick={() => turn(i)}>
              <b className="num">[{i + 1}]</b>
              <span className="clip grow"><b>{about.title || about.source || one.id}</b>{place && <span className="t3"> {place}</span>}</span>
              <span className="meter" aria-hidden="true"><i style={{ transform: width(one.score) }} /></span>
              <span className="num">{one.score.toFixed(2)}</span>
              <Icon name={open.has(i) ? "up" : "down"} size={14} />
            </button>
            <p className={open.has(i) ? "" : "q"}>{one.text}</p>
          </li>
        );
      })}
    </ol>
  );
}

const used = (u) => `${((u.input_tokens ?? 0) + (u.output_tokens ?? 0)).toLocaleString("en")} tokens${u.cost ? `, $${u.cost < 0.01 ? u.cost.toFixed(4) : u.cost.toFixed(2)}` : ""}`;
/** A value for reading: text as text, an object as names and values, everything else as JSON. */
export function Read({ value, deep = 0 }) {
  if (value == null) return <p className="t3">Nothing</p>;
  if (typeof value !== "object") return <Prose>{String(value)}</Prose>;
  if (value.$blob) return <><Prose>{value.preview}</Prose><p className="hint">{Math.round(value.size / 1024)} KB; only its beginning is shown.</p></>;
  if (areMatches(value)) return <Matches value={value} />;
  if (Array.isArray(value)) return value.length && value.length <= 50 && deep < 2 ? <ol className="items">{value.map((v, i) => <li key={i}><Read value={v} deep={deep + 1} /></li>)}</ol> : <pre className="pre">{text(value)}</pre>;
  if (areMatches(value.matches)) {
    const { text: _, matches, ...more } = value;
    return <><Matches value={matches} />{Object.keys(more).length > 0 && <Read value={more} deep={deep + 1} />}</>;
  }
  const { text: main, ...rest } = value, others = Object.entries(rest);
  return (
    <>
      {typeof main === "string" && <Prose>{main}</Prose>}
      {others.length > 0 && <dl className={`kv ${typeof main === "string" ? "after" : ""}`}>{others.map(([k, v]) => <React.Fragment key={k}><dt>{k}</dt><dd>{k === "usage" && v ? used(v) : typeof v === "object" && v !== null ? Array.isArray(v) ? <Read value={v} deep={deep + 1} /> : <pre className="pre">{text(v)}</pre> : String(v ?? "–")}</dd></React.Fragment>)}</dl>}
    </>
  );
}
export const Json = ({ value }) => <pre className="pre">{text(value === undefined ? null : value)}</pre>;
