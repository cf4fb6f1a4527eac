// Clocks, ticks, keys, toasts, copy and import: what needs the browser and nothing else.
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { copyText, useMod } from "./person.js";

const Icon = ({ name, size = 16, bold }) => (
  <svg className={bold ? "ic b" : "ic"} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
    <use href={`#i-${name}`} />
  </svg>
);

const useLatest = (value) => {
  const ref = useRef(value);
  useEffect(() => {
    ref.current = value;
  });
  return ref;
};

export function Live({ every = 3000, onTick }) {
  const tick = useLatest(onTick);
  useEffect(() => {
    const fire = () => !document.hidden && tick.current?.();
    const timer = setInterval(fire, every);
    document.addEventListener("visibilitychange", fire);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", fire);
    };
  }, [every]);
  return null;
}

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], [role=dialog], [role=menu]");

export function Hotkey({ press, focus, onPress }) {
  const fire = useLatest(onPress);
  useEffect(() => {
    const down = (event) => {
      if (event.key !== press || event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
      event.preventDefault();
      if (focus) document.querySelector(focus)?.focus();
      fire.current?.();
    };
    addEventListener("keydown", down);
    return () => removeEventListener("keydown", down);
  }, [press, focus]);
  return null;
}

/** `{mod} ↵` in the words of this machine's keyboard. */
export function Keys({ press, className }) {
  const mod = useMod();
  return <kbd className={className}>{press.replaceAll("{mod}", mod)}</kbd>;
}

const ICONS = { completed: "check", failed: "x", waiting: "pause" };

// What was told goes along to the next page; an error stays with the page that it is about. A page that is loaded anew
// still knows the last notice, and does not tell it again.
const TOLD = "nexod_told";
let toldNow = [];
const toasters = new Set();
const put = (next) => ((toldNow = next), toasters.forEach((draw) => draw()));
const drop = (id) => put(toldNow.filter((one) => one.id !== id));

export function Toasts({ notice }) {
  const shown = useSyncExternalStore((draw) => (toasters.add(draw), () => toasters.delete(draw)), () => toldNow, () => toldNow);
  useEffect(() => put(toldNow.filter((one) => one.tone !== "failed" || one.at === location.pathname)), []);
  useEffect(() => {
    if (!notice?.id || sessionStorage.getItem(TOLD) === notice.id) return;
    sessionStorage.setItem(TOLD, notice.id);
    put([...toldNow, { ...notice, at: location.pathname }].slice(-3));
    if (notice.tone !== "failed") setTimeout(() => drop(notice.id), 5000);
  }, [notice?.id]);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <div className="toast" key={one.id}>
          <span className={`bd s-${one.tone}`}>
            <Icon name={ICONS[one.tone] ?? "dot"} size={13} bold />
          </span>
          <div className="grow">
            <b>{one.title}</b>
            {one.text && <p>{one.text}</p>}
          </div>
          <button type="button" className="btn ghost icon sm" aria-label="Dismiss" onClick={() => drop(one.id)}>
            <Icon name="x" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}

const MINUTE = 60e3;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);
const hourMinute = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function words(time, clock) {
  const now = Date.now();
  const days = Math.round((midnight(now) - midnight(time)) / DAY);
  if (days === 1) return "yesterday";
  if (days > 1 || days < 0) {
    const year = new Date(time).getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
    return new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "short", year });
  }
  if (clock) return hourMinute(time);
  if (now - time < MINUTE) return "just now";
  return now - time < HOUR ? `${Math.floor((now - time) / MINUTE)} min ago` : `${Math.floor((now - time) / HOUR)} h ago`;
}

function useMinutes() {
  const [, turn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => turn((n) => n + 1), 20e3);
    return () => clearInterval(timer);
  }, []);
}

export function When({ at, clock = false, className }) {
  useMinutes();
  if (!at) return null;
  const time = new Date(at).getTime();
  return (
    <time className={className} dateTime={new Date(time).toISOString()} title={new Date(time).toLocaleString()}>
      {words(time, clock)}
    </time>
  );
}

function span(left) {
  if (left <= 0) return "Time is up";
  if (left < MINUTE) return "less than 1 min left";
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min left`;
  const minutes = Math.floor((left % HOUR) / MINUTE);
  if (left < 4 * HOUR && minutes) return `${Math.floor(left / HOUR)} h ${minutes} min left`;
  return left < 2 * DAY ? `${Math.floor(left / HOUR)} h left` : `${Math.floor(left / DAY)} days left`;
}

export function Left({ at, pill = false }) {
  useMinutes();
  if (!at) return null;
  const left = new Date(at).getTime() - Date.now();
  const level = left < 15 * MINUTE ? "soon" : left < 2 * HOUR ? "amber" : "";
  const status = { soon: "failed", amber: "waiting" }[level] ?? "idle";
  return (
    <span className={pill ? `st big s-${status}` : `due ${level}`}>
      <Icon name="clock" size={pill ? 16 : 14} />
      {span(left)}
    </span>
  );
}

export function Copy({ text, label = "Copy", className = "btn ghost sm", ...rest }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setDone(true);
    setTimeout(() => setDone(false), 1600);
  };
  return (
    <button type="button" className={className} onClick={copy} {...rest}>
      <Icon name={done ? "check" : "copy"} size={14} />
      <span aria-live="polite">{done ? "Copied" : label}</span>
    </button>
  );
}

const NO_ANSWER = { message: "The server did not answer. Check that it is running and try again.", details: [] };

export function ImportFile({ onDone, onRefused, className = "btn", children, ...rest }) {
  const input = useRef(null);
  const send = async (event) => {
    const file = event.target.files[0];
    event.target.value = "";
    if (!file) return;
    const answer = await fetch("/api/v1/workflows/import", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: file,
    }).catch(() => null);
    const body = await answer?.json().catch(() => null);
    if (answer?.ok) return onDone?.(body.id);
    const error = body?.error ?? NO_ANSWER;
    onRefused?.({ file: file.name, message: error.message, details: (error.details ?? []).slice(0, 20) });
  };
  return (
    <>
      <button type="button" className={className} onClick={() => input.current.click()}>
        {children}
      </button>
      <input ref={input} type="file" accept=".json,application/json" hidden aria-label="Workflow file" onChange={send} {...rest} />
    </>
  );
}
