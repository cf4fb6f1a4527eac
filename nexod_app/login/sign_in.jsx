// The button that signs in. Opening the link alone never does: a GET changes nothing.
import { useEffect, useState } from "react";

const FAULTS = {
  401: "This link was used before or is too old. Make a new one in your terminal.",
  429: "Too many attempts. Wait a minute, then try again.",
};

export function SignIn({ children }) {
  const [token, setToken] = useState(null);
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => setToken(new URLSearchParams(location.search).get("token") ?? ""), []);

  const send = async () => {
    setBusy(true);
    setFault("");
    const answer = await fetch("/api/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    }).catch(() => null);
    if (answer?.ok) return location.replace("/");
    setBusy(false);
    setFault(answer ? FAULTS[answer.status] ?? FAULTS[401] : "The server did not answer. Check that it is running.");
  };

  if (token === null) return null;
  if (!token) return children;
  return (
    <>
      <p className="t2">One click, and this browser stays signed in for a week.</p>
      <button type="button" className="btn primary" onClick={send} disabled={busy}>
        {busy ? "Signing in" : "Sign in"}
      </button>
      <p className="err" role="alert">{fault}</p>
      {fault && children}
    </>
  );
}
