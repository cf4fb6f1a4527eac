// Files on their way to a collection: the drop zone, and one row for each file until the server has it. What is on its
// way is kept outside the component, so that another tab of the page does not stop it.
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

const Icon = ({ name, size = 16, bold, className = "" }) => (
  <svg className={`ic ${bold ? "b " : ""}${className}`} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
    <use href={`#i-${name}`} />
  </svg>
);

const MOST_BYTES = 25 * 2 ** 20;
const AT_ONCE = 3;
const ACCEPT = ".pdf,.docx,.html,.htm,.md,.markdown,.csv,.json,.txt,.text,.log,.rst";
const NO_ANSWER = { code: "unavailable", message: "The server did not answer.", hint: "Check that it is running, then try again." };
const TOO_LARGE = { code: "too_large", message: "This file is over 25 MB.", hint: "Split it, or save it smaller." };

export const megabytes = (n) => (n < 1024 ? `${n} B` : n < 2 ** 20 ? `${Math.round(n / 1024)} KB` : `${(n / 2 ** 20).toFixed(1)} MB`);

// ---------- what is on its way

let jobs = [];
let made = 0;
const listeners = new Set();
const change = (next) => {
  jobs = next;
  listeners.forEach((tell) => tell());
};
const update = (id, more) => change(jobs.map((job) => (job.id === id ? { ...job, ...more } : job)));
const drop = (id) => change(jobs.filter((job) => job.id !== id));
const useJobs = () => useSyncExternalStore((tell) => (listeners.add(tell), () => listeners.delete(tell)), () => jobs, () => jobs);

function add(collection, files) {
  const fresh = [...files].map((file) => ({
    id: ++made,
    collection,
    file,
    sent: 0,
    ...(file.size > MOST_BYTES ? { state: "failed", error: TOO_LARGE } : { state: "waiting" }),
  }));
  change([...jobs, ...fresh]);
  pump();
}

function pump() {
  const free = AT_ONCE - jobs.filter((job) => job.state === "sending").length;
  jobs.filter((job) => job.state === "waiting").slice(0, Math.max(free, 0)).forEach(send);
}

function send(job) {
  const request = new XMLHttpRequest();
  const form = new FormData();
  form.append("file", job.file, job.file.name);
  request.upload.onprogress = (event) => event.lengthComputable && update(job.id, { sent: event.loaded / event.total });
  request.onload = () => {
    if (request.status < 300) drop(job.id);
    else update(job.id, { state: "failed", error: faultOf(request) });
    pump();
    dispatchEvent(new CustomEvent("nexod-added", { detail: job.collection }));
  };
  request.onerror = () => (update(job.id, { state: "failed", error: NO_ANSWER }), pump());
  request.open("POST", `/api/v1/collections/${job.collection}/documents`);
  update(job.id, { state: "sending", sent: 0, error: null, request });
  request.send(form);
}

function faultOf(request) {
  try {
    const error = JSON.parse(request.responseText).error;
    return { code: error.code, message: error.message, hint: error.hint || error.details?.[0]?.hint || "" };
  } catch {
    return NO_ANSWER;
  }
}

const retry = (job) => (update(job.id, { state: "waiting", sent: 0, error: null }), pump());
const cancel = (job) => {
  job.request?.abort();
  drop(job.id);
  pump();
};

// ---------- what was dropped: files, and the files of folders

const entries = (reader) => new Promise((done) => reader.readEntries(done, () => done([])));
async function filesOf(entry) {
  if (entry.isFile) return new Promise((done) => entry.file((file) => done([file]), () => done([])));
  const found = [], reader = entry.createReader();
  for (let batch; (batch = await entries(reader)).length; ) for (const one of batch) found.push(...(await filesOf(one)));
  return found.filter((file) => !file.name.startsWith("."));
}
async function dropped(transfer) {
  const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return roots.length ? (await Promise.all(roots.map(filesOf))).flat() : [...transfer.files];
}

function useWholePage(onFiles) {
  const [over, setOver] = useState(false);
  const take = useRef(onFiles);
  take.current = onFiles;
  useEffect(() => {
    let depth = 0;
    const hasFiles = (event) => event.dataTransfer?.types?.includes("Files");
    const on = {
      dragenter: (event) => hasFiles(event) && (event.preventDefault(), (depth += 1), setOver(true)),
      dragover: (event) => hasFiles(event) && event.preventDefault(),
      dragleave: (event) => hasFiles(event) && (depth = Math.max(depth - 1, 0)) === 0 && setOver(false),
      drop: (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        depth = 0;
        setOver(false);
        dropped(event.dataTransfer).then((files) => take.current(files));
      },
    };
    Object.entries(on).forEach(([name, react]) => addEventListener(name, react));
    return () => Object.entries(on).forEach(([name, react]) => removeEventListener(name, react));
  }, []);
  return over;
}

// ---------- what is drawn

function Job({ job }) {
  const failed = job.state === "failed";
  const percent = Math.round(job.sent * 100);
  const words = job.state === "waiting" ? "Waiting to be sent" : percent < 100 ? `Sending, ${percent} %` : "Received, being checked";
  return (
    <li className={failed ? "job bad" : "job"} data-testid="upload-row">
      <Icon name="file" size={18} className="t3" />
      <div className="grow">
        <div className="row">
          <b className="clip">{job.file.name}</b>
          <span className="t3 cap num">{megabytes(job.file.size)}</span>
        </div>
        {failed ? (
          <p className="fault" role="alert">
            {job.error.message} {job.error.hint} <code className="mono">{job.error.code}</code>
          </p>
        ) : (
          <div className="row">
            <div className="meter" role="progressbar" aria-label={`Sending ${job.file.name}`} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100}>
              <i style={{ transform: `scaleX(${job.sent})` }} />
            </div>
            <span className="t2 cap num sending">{words}</span>
          </div>
        )}
      </div>
      {failed && job.error !== TOO_LARGE && (
        <button type="button" className="btn sm" onClick={() => retry(job)}>
          <Icon name="loop" size={14} />
          Try again
        </button>
      )}
      <button type="button" className="btn ghost icon sm" title={failed ? "Dismiss" : "Cancel"} aria-label={`${failed ? "Dismiss" : "Cancel"} ${job.file.name}`} onClick={() => cancel(job)}>
        <Icon name="x" size={14} />
      </button>
    </li>
  );
}

export function DropZone({ collection, onAdded, children }) {
  const input = useRef(null);
  const added = useRef(onAdded);
  added.current = onAdded;
  const mine = useJobs().filter((job) => job.collection === collection);
  const take = (files) => files.length && add(collection, files);
  const over = useWholePage(take);
  useEffect(() => {
    let timer;
    const tell = (event) => {
      if (event.detail !== collection) return;
      clearTimeout(timer);
      timer = setTimeout(() => added.current?.(), 120);
    };
    addEventListener("nexod-added", tell);
    return () => (clearTimeout(timer), removeEventListener("nexod-added", tell));
  }, [collection]);
  const busy = mine.some((job) => job.state !== "failed");
  useEffect(() => {
    if (!busy) return undefined;
    const ask = (event) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [busy]);
  return (
    <>
      <section className={over ? "dropzone over" : "dropzone"} aria-label="Add documents" data-testid="drop-zone">
        <span className="em">
          <Icon name="upload" size={20} />
        </span>
        <div className="grow">
          <b>{over ? "Let go to add them" : "Drop files anywhere on this page"}</b>
          <p>PDF, Word, HTML, Markdown, CSV, JSON or text; 25 MB each, many at once.</p>
        </div>
        <div className="acts">
          {children}
          <button type="button" className="btn primary" onClick={() => input.current.click()}>
            <Icon name="plus" bold />
            Choose files
          </button>
        </div>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          accept={ACCEPT}
          aria-label="Documents"
          data-testid="document-input"
          onChange={(event) => (take([...event.target.files]), (event.target.value = ""))}
        />
      </section>
      {mine.length > 0 && (
        <ul className="rows jobs" aria-label="On their way">
          {mine.map((job) => (
            <Job key={job.id} job={job} />
          ))}
        </ul>
      )}
      {over && <div className="dropover" aria-hidden="true" />}
    </>
  );
}
