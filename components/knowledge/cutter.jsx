// How a text or a file would be cut, before anything is kept: size and overlap to try, and the passages that come out.
import { useEffect, useRef, useState } from "react";

const Icon = ({ name, size = 16 }) => (
  <svg className="ic" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
    <use href={`#i-${name}`} />
  </svg>
);
const NO_ANSWER = { message: "The server did not answer.", details: [{ hint: "Check that it is running, then try again." }] };
const SHOWN = 60;

async function ask(file, text, size, overlap, signal) {
  const form = new FormData();
  form.append("file", file ?? new File([text], "Pasted text.md", { type: "text/markdown" }));
  form.append("chunk_size", size);
  form.append("chunk_overlap", overlap);
  const answer = await fetch("/api/v1/collections/preview", { method: "POST", body: form, signal });
  const body = await answer.json();
  if (!answer.ok) throw body.error ?? NO_ANSWER;
  return body;
}

/** How many letters the beginning of `next` shares with the end of `before`. */
function shared(before, next) {
  for (let n = Math.min(before.length, next.length, 2000); n > 8; n--) if (before.endsWith(next.slice(0, n))) return n;
  return 0;
}

function Amount({ title, value, min, max, step, onChange }) {
  return (
    <label className="amount">
      <span className="label">
        {title}
        <b className="num">{value} characters</b>
      </span>
      <input type="range" {...{ min, max, step, value }} onChange={(event) => onChange(Number(event.target.value))} />
    </label>
  );
}

export function Cutter({ size: given = 1000, overlap: kept = 150 }) {
  const [file, setFile] = useState(null), [text, setText] = useState(""), [size, setSize] = useState(given), [overlap, setOverlap] = useState(kept);
  const [answer, setAnswer] = useState(null), [fault, setFault] = useState(null), [busy, setBusy] = useState(false);
  const input = useRef(null);
  useEffect(() => {
    if (!file && !text.trim()) return setAnswer(null), setFault(null);
    const control = new AbortController();
    const timer = setTimeout(() => {
      setBusy(true);
      ask(file, text, size, Math.min(overlap, Math.floor(size / 2)), control.signal)
        .then((found) => (setAnswer(found), setFault(null)))
        .catch((error) => error.name !== "AbortError" && (setFault(error.message && error.code ? error : NO_ANSWER), setAnswer(null)))
        .finally(() => setBusy(false));
    }, 300);
    return () => (clearTimeout(timer), control.abort());
  }, [file, text, size, overlap]);
  const items = answer?.passages ?? [];
  return (
    <div className="cutter">
      {file ? (
        <div className="command">
          <Icon name="file" />
          <span className="grow clip">{file.name}</span>
          <button type="button" className="btn ghost sm" onClick={() => setFile(null)}>
            Take another
          </button>
        </div>
      ) : (
        <div className="row tops">
          <textarea className="field" rows={4} placeholder="Paste a text to see how it is cut" aria-label="Text to cut" value={text} onChange={(event) => setText(event.target.value)} />
          <button type="button" className="btn" onClick={() => input.current.click()}>
            <Icon name="file" />
            Choose a file
          </button>
        </div>
      )}
      <input ref={input} type="file" hidden aria-label="File to cut" data-testid="preview-input" onChange={(event) => (setFile(event.target.files[0] ?? null), (event.target.value = ""))} />
      <div className="two">
        <Amount title="A passage has about" value={size} min={200} max={4000} step={50} onChange={setSize} />
        <Amount title="It repeats of the one before" value={Math.min(overlap, Math.floor(size / 2))} min={0} max={Math.min(1000, Math.floor(size / 2))} step={10} onChange={setOverlap} />
      </div>
      <div aria-live="polite" className={busy ? "cuts busy" : "cuts"}>
        {fault && (
          <p className="fault" role="alert">
            {fault.message} {fault.hint || fault.details?.[0]?.hint} <code className="mono">{fault.code}</code>
          </p>
        )}
        {answer && (
          <p className="t2">
            <b className="num">{answer.total}</b> {answer.total === 1 ? "passage" : "passages"}
            {answer.pages ? `, ${answer.pages} ${answer.pages === 1 ? "page" : "pages"}` : ""}. Nothing is kept. {answer.warnings.join(" ")}
          </p>
        )}
        <ol className="pieces">
          {items.slice(0, SHOWN).map((one, i) => {
            const again = i ? shared(items[i - 1].text, one.text) : 0;
            return (
              <li key={i}>
                <header>
                  <span className="num">{i + 1}</span>
                  <span className="grow clip">{[one.heading, one.page && `page ${one.page}`].filter(Boolean).join(" · ")}</span>
                  <span className="num">{one.text.length}</span>
                </header>
                <p>
                  {again > 0 && <span className="again">{one.text.slice(0, again)}</span>}
                  {one.text.slice(again)}
                </p>
              </li>
            );
          })}
        </ol>
        {answer?.total > SHOWN && <p className="hint">The first {SHOWN} are shown.</p>}
      </div>
    </div>
  );
}
