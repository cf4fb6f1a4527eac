// View code: the workflow as a Python file, for either target, to copy or to take away.
import React, { useEffect, useState } from "react";
import { Dialog } from "./panels.jsx";
import { CopyButton, Icon, Seg } from "./parts.jsx";
import { get, jump, useEditor } from "./store.js";
import { saved } from "./sync.js";

const TARGETS = [["langgraph", "LangGraph"], ["crewai", "CrewAI"]];
const WORDS = "and as assert async await break case class continue def del elif else except False finally for from if import in is lambda match None not or pass raise return True try while with yield";
const TOKEN = new RegExp(`(#.*)|([fr]?"""[\\s\\S]*?"""|[fr]?"(?:\\\\.|[^"\\\\\\n])*"|[fr]?'(?:\\\\.|[^'\\\\\\n])*')|(@\\w+)|\\b(${WORDS.replaceAll(" ", "|")})\\b`, "g");

/** The file, or why there is none: {text} or {fault, details}. */
async function load(target) {
  if (!(await saved())) return { fault: "The last changes are not saved yet.", details: [] };
  const answer = await fetch(`/api/v1/workflows/${get().workflowId}/code?target=${target}`, { credentials: "same-origin" }).catch(() => null);
  if (answer?.ok) return { text: await answer.text() };
  const error = (await answer?.json().catch(() => null))?.error;
  return { fault: error?.message ?? "The server did not answer.", details: error?.details ?? [] };
}
/** Words, texts and comments told apart; everything stays text. */
function Python({ text }) {
  const parts = [];
  let place = 0;
  for (const hit of text.matchAll(TOKEN)) {
    parts.push(text.slice(place, hit.index), <span key={hit.index} className={hit[1] ? "c-note" : hit[2] ? "c-text" : "c-word"}>{hit[0]}</span>);
    place = hit.index + hit[0].length;
  }
  return <>{parts}{text.slice(place)}</>;
}
function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/x-python" }));
  link.download = `${name.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "") || "workflow"}.py`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
export function CodeDialog({ onClose }) {
  const spec = useEditor((s) => s.root), [target, setTarget] = useState(spec.target ?? "langgraph"), [shown, setShown] = useState(null);
  useEffect(() => {
    let wanted = true;
    setShown(null);
    load(target).then((found) => wanted && setShown(found));
    return () => (wanted = false);
  }, [target]);
  return (
    <Dialog onClose={onClose} wide label="Code">
      <div className="body">
        <div className="row" style={{ gap: 10, marginBottom: 4 }}><h2 className="grow">Code</h2><Seg value={target} options={TARGETS} onChange={setTarget} label="Target of the code" data-testid="code-target" /></div>
        <p className="t2 cap" style={{ margin: "0 0 10px" }}>One file that runs without Nexod. Its first lines name what it needs.</p>
        {!shown ? <i className="sk" style={{ display: "block", height: 320 }} />
          : shown.text ? <pre className="pre code" data-testid="code-text" tabIndex={0} aria-label="Python"><Python text={shown.text} /></pre>
          : <div role="alert"><p className="err" style={{ marginBottom: 6 }}>{shown.fault}</p>{shown.details.map((p, i) => <div key={i} className="prob"><div className="grow"><b>{p.message}</b><p>{p.hint}</p></div>{p.node_id && <button type="button" className="btn sm" onClick={() => (onClose(), jump(p))}>Show</button>}</div>)}</div>}
      </div>
      <footer><button type="button" className="btn" onClick={onClose}>Close</button>{shown?.text && <CopyButton value={shown.text} words />}<button type="button" className="btn primary" disabled={!shown?.text} onClick={() => download(spec.name, shown.text)}><Icon name="download" size={14} />Download</button></footer>
    </Dialog>
  );
}
