// Calls of the server's HTTP interface. Every failure becomes a Problem with a message in one line.

const passing = new Set([408, 425, 429, 502, 503, 504]);

export class Problem extends Error {
  constructor(status, detail, { code = null, retryAfter = null } = {}) {
    super(detail);
    Object.assign(this, { status, code, retryAfter });
  }

  /** Whether the same call may succeed later: the server is unreachable, busy or full. */
  get isPassing() { return this.code === "unreachable" || passing.has(this.status); }
}

const unreachable = () =>
  new Problem(0, "The server cannot be reached. Is nsarm serve still running?", { code: "unreachable" });

let signIn = async () => {};
/** The function that asks for the token and opens a session, after which the call is repeated. */
export function useSignIn(action) { signIn = action; }

function problem(status, text, retryAfter) {
  let body = null;
  try { body = JSON.parse(text); } catch { /* the page of a proxy, or an empty body */ }
  return new Problem(status, body?.detail ?? body?.title ?? `The server answered ${status}.`, {
    code: body?.code ?? null, retryAfter: secondsToWait(retryAfter),
  });
}

/** Retry-After is in seconds or a date. */
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

/** The restorations after `cursor`, newest first, and the next cursor. */
export const page = async (cursor) =>
  (await call(`/v1/restorations?limit=100&cursor=${encodeURIComponent(cursor)}`)).json();

/** Restores the same picture with other settings, without sending it again. */
export const again = (id, settings) => post(`/v1/restorations/${id}/again`, {
  headers: { "Content-Type": "application/json" }, body: JSON.stringify({ settings: said(settings) }),
});

/** The settings without those that have the server's default. */
const said = (settings) => Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));

/** Opens a session; throws a Problem of status 401 if the token is wrong. */
export const openSession = (token) =>
  answer("/v1/session", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
  });

/**
 * Uploads a picture. `fetch` does not report the progress of uploads, hence XMLHttpRequest. An upload that is repeated
 * with the same key because its response was lost is still one restoration.
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
      reject(new Problem(0, "The connection was lost while the picture was being sent.", { code: "unreachable" })));
    request.addEventListener("abort", () => reject(new Problem(0, "Cancelled", { code: "aborted" })));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
