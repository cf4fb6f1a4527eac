// What the editor knows of knowledge: which collection a step searches.
import React, { useEffect, useState } from "react";
import { BoundInput, useBound } from "./fields.jsx";
import { api } from "./sync.js";

/** Comes by itself when a step asks for it. */
const GUIDE = "guide";

/** A collection by its name: those there are are offered, anything else may be typed. */
export function BoundCollection(props) {
  const [known, setKnown] = useState(null), [value] = useBound(props.path);
  useEffect(() => {
    let gone = false;
    api("/collections?limit=200").then((found) => !gone && setKnown(found.items), () => !gone && setKnown(null));
    return () => (gone = true);
  }, []);
  const none = known?.length === 0, sure = typeof value === "string" && value && !value.includes("{{") && value !== GUIDE;
  const lost = known && sure && !known.some((one) => one.name === value || one.id === value);
  return (
    <>
      <BoundInput {...props} mode="text" list="collections-there-are" placeholder="Its name" hint={lost ? "" : props.hint} />
      <datalist id="collections-there-are">{[...new Set([...(known ?? []).map((one) => one.name), GUIDE])].map((name) => <option key={name} value={name} />)}</datalist>
      {lost && <p className="hint after-field">{none ? "There is no collection yet." : "There is no collection of this name."} <a className="link" href="/knowledge">Make one</a></p>}
    </>
  );
}
