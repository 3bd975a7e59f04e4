// Calls of the server's HTTP interface. Every failure becomes a Problem with one line for a person.

const passing = new Set([408, 425, 429, 502, 503, 504]);

export class Problem extends Error {
  constructor(status, detail, { code = null, retryAfter = null } = {}) {
    super(detail);
    Object.assign(this, { status, code, retryAfter });
  }

  /** Whether the same call may do later: the server is away, busy or full, not of another mind. */
  get isPassing() { return this.code === "unreachable" || passing.has(this.status); }
}

const unreachable = () =>
  new Problem(0, "The server cannot be reached. Is nsarm serve still running?", { code: "unreachable" });

let signIn = async () => {};
/** What asks for the token and opens a session, after which the call is made again. */
export function useSignIn(action) { signIn = action; }

function problem(status, text, retryAfter) {
  let body = null;
  try { body = JSON.parse(text); } catch { /* a proxy's page, or nothing */ }
  return new Problem(status, body?.detail ?? body?.title ?? `The server answered ${status}.`, {
    code: body?.code ?? null, retryAfter: secondsToWait(retryAfter),
  });
}

/** Retry-After holds seconds or a date. */
function secondsToWait(header) {
  if (!header) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

async function answer(path, options) {
  let response;
  try { response = await fetch(path, options); } catch { throw unreachable(); }
  if (response.ok) return response;
  throw problem(response.status, await response.text().catch(() => ""), response.headers.get("Retry-After"));
}

export async function call(path, options = {}) {
  for (;;) {
    try { return await answer(path, options); } catch (error) {
      if (error.status !== 401) throw error;
      await signIn();
    }
  }
}

export const service = async () => (await call("/v1/service")).json();
export const mayRead = () => call("/v1/restorations?limit=1", { signal: AbortSignal.timeout(10_000) });
const post = async (path, options = {}) => (await call(path, { method: "POST", ...options })).json();
export const cancel = (id) => post(`/v1/restorations/${id}/cancel`);
export const cancelAll = () => post("/v1/restorations/cancel");
export const retry = (id) => post(`/v1/restorations/${id}/retry`);
export const retryAll = () => post("/v1/restorations/retry");
export const remove = (id) => call(`/v1/restorations/${id}`, { method: "DELETE" });
export const clearFinished = () => call("/v1/restorations", { method: "DELETE" });

/** The restorations that follow `cursor`, newest first, and the next cursor. */
export const page = async (cursor) =>
  (await call(`/v1/restorations?limit=100&cursor=${encodeURIComponent(cursor)}`)).json();

/** The same picture once more with other settings; nothing is sent but these. */
export const again = (id, settings) => post(`/v1/restorations/${id}/again`, {
  headers: { "Content-Type": "application/json" }, body: JSON.stringify({ settings: said(settings) }),
});

/** Settings without those that are left to the server. */
const said = (settings) => Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));

/** Opens a session; throws a Problem of status 401 where the token is wrong. */
export const openSession = (token) =>
  answer("/v1/session", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
  });

/**
 * Sends one picture. `fetch` tells nothing of how much has gone out, hence XMLHttpRequest. Sent again
 * under the same key, because the answer was lost, it is still one restoration.
 */
export function upload({ file, name, settings, key }, onProgress, signal) {
  const form = new FormData();
  for (const [setting, value] of Object.entries(said(settings))) form.append(setting, value);
  form.append("image", file, name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/restorations");
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => onProgress(1));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(problem(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () =>
      reject(new Problem(0, "The connection broke while the picture was sent.", { code: "unreachable" })));
    request.addEventListener("abort", () => reject(new Problem(0, "Cancelled", { code: "aborted" })));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
