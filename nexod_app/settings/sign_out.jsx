// Ends the session here and on the server.
export function SignOut() {
  const leave = async () => {
    await fetch("/api/v1/session", { method: "DELETE" }).catch(() => null);
    location.replace("/login");
  };
  return (
    <button type="button" className="btn ghost" onClick={leave}>
      Sign out
    </button>
  );
}
