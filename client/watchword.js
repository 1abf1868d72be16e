// Signs people in at a Watchword server, keeps them signed in, and calls APIs
// for them. A plain ES module without dependencies; watchword.d.ts has its types.
//
//   import { Client } from "/watchword.js";
//   const auth = new Client({ mode: "cookie" });
//   await auth.signIn("ann", "correct horse battery");
//   const answer = await auth.fetch("/api/orders");   // refreshes when it must
//
// What it takes care of, so that nobody writes it again:
//
// - One refresh at a time, over all tabs (Web Locks): whoever waited for it
//   uses what it brought instead of asking once more.
// - One retry of a request that was refused because its token had expired or
//   the user's rights had changed.
// - An answer that was lost on the way: the same refresh is asked for again for
//   up to eight seconds. The server repeats its answer within its grace window
//   (ten seconds by default) instead of taking the second one for a thief.
// - Signed out in one tab, signed out in all.
// - Tokens go to the origins that were named, and nowhere else.

/** How long a refresh whose answer was lost is asked for again, in milliseconds. */
const REPEAT = 8000;

/** How long one answer of the server is waited for, in milliseconds. */
const PATIENCE = 10000;

/** How long localStorage may lag behind another process, in milliseconds; longer, and there is one refresh too many. */
const LAG = 1000;

/** Codes of refusals that no refresh mends: a wrong password, and a sign-in that is too long ago. */
const FINAL = new Set(["invalid_credentials", "authentication_stale"]);

/** The server refused, or could not be reached. */
export class AuthError extends Error {
  /**
   * @param {string} code the server's, such as "invalid_credentials"; "network" where it could not be reached
   * @param {string} message for developers
   * @param {{ status?: number, retryAfter?: number, cause?: unknown }} [more] status 0: no answer; retryAfter in seconds
   */
  constructor(code, message, { status = 0, retryAfter, cause } = {}) {
    super(message, { cause });
    this.name = "AuthError";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/**
 * Keeps one person signed in, in all tabs of a browser. Fires "signedin",
 * "refreshed" and "signedout", whichever tab it happened in.
 */
export class Client extends EventTarget {
  #base; #mode; #origins; #csrf; #store; #name; #channel; #running = null; #state;

  /** @param {import("./watchword.d.ts").Options} [options] */
  constructor({ base = "/auth/v1", mode = "cookie", origins = [], csrf = {}, storage = null } = {}) {
    super();
    if (mode !== "cookie" && mode !== "bearer") throw new TypeError(`mode ${mode} is neither "cookie" nor "bearer"`);
    // Elsewhere there are neither Secure cookies nor locks over tabs.
    if (!isSecureContext) throw new Error("watchword.js needs https, or localhost");
    this.#base = new URL(base.replace(/\/$/, ""), location.href);
    this.#mode = mode;
    this.#origins = new Set([this.#base.origin, ...origins.map((o) => new URL(o).origin)]);
    this.#csrf = { cookie: "ww_csrf", header: "X-CSRF-Token", ...csrf };
    this.#name = `watchword ${this.#base.href}`;
    // What tabs share: in cookie mode when the last refresh was, no secret; in
    // bearer mode the tokens, which stay in this tab's memory unless the
    // application says otherwise.
    this.#store = mode === "cookie" ? localStorage : storage;
    this.#state = null;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  /** Whether somebody was signed in when last heard of; the server decides. */
  get signedIn() { return isIn(this.#read()); }

  /**
   * What the access token says: from the readable cookie where there is one,
   * or the token in bearer mode; null where neither is at hand. It is for
   * showing, and proves nothing.
   */
  get claims() {
    const payload = this.#mode === "cookie"
      ? cookie("__Host-ww_payload") ?? cookie("ww_payload")
      : this.#read()?.access?.split(".")[1];
    try {
      const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return null;
    }
  }

  /**
   * Signs in. Throws an AuthError, "invalid_credentials" where name or
   * password are wrong.
   * @param {string} login user name or e-mail address
   * @param {string} password
   * @param {{ scope?: string, signal?: AbortSignal }} [options]
   */
  async signIn(login, password, { scope, signal } = {}) {
    await this.#exclusively(signal, async () => {
      await this.#write(this.#taken(await this.#ask("token", { login, password, scope }, signal)));
    });
    this.#tell("signedin");
  }

  /**
   * Signs out here, or everywhere the person is signed in, and in all tabs.
   * Throws an AuthError where the server cannot be reached: the session lives
   * on then. Tokens in bearer mode are forgotten all the same; cookies cannot
   * be, so in cookie mode the person stays signed in.
   * @param {{ everywhere?: boolean, signal?: AbortSignal }} [options]
   */
  async signOut({ everywhere = false, signal } = {}) {
    await this.#exclusively(signal, async () => {
      const { access, refresh } = this.#read() ?? {};
      const body = { refresh_token: refresh, everywhere: everywhere || undefined };
      try {
        await this.#repeated(() => this.#ask("logout", body, signal, access));
      } catch (error) {
        if (this.#mode === "bearer") await this.#ended();
        throw error;
      }
      await this.#ended();
    });
  }

  /**
   * Asks for new tokens now. Callers in all tabs share one request, which goes
   * on where one of them is aborted. Throws an AuthError; after
   * "invalid_grant" nobody is signed in any more.
   * @param {{ signal?: AbortSignal }} [options]
   */
  refresh({ signal } = {}) { return this.#refreshSince(this.#read()?.at ?? 0, signal); }

  /**
   * fetch with the person's token: refreshes where that has expired, and tries
   * once more. The answer is returned as it is, a refusal too. Requests to
   * origins that were not named go out without token and cookies.
   * @param {RequestInfo | URL} input
   * @param {RequestInit} [init]
   */
  async fetch(input, init) {
    const request = new Request(input, init);
    if (!this.#origins.has(new URL(request.url).origin)) {
      return fetch(new Request(request, { credentials: "omit" }));
    }
    // A body that is a stream can be sent once: such a request has no second try.
    const again = init?.body instanceof ReadableStream ? null : request.clone();
    const state = this.#read();
    if (isIn(state) && expired(state)) await this.#quietly(state.at, request.signal);
    const shown = this.#read()?.at ?? 0;
    const answer = await fetch(this.#signed(request));
    if (answer.status !== 401 || again === null || !this.#mayRefresh() || await final(answer)) return answer;
    if (!(await this.#quietly(shown, request.signal))) return answer;
    return fetch(this.#signed(again));
  }

  /** Stops listening to other tabs. */
  close() { this.#channel.close(); }

  /** #signed returns the request with what proves who asks. */
  #signed(request) {
    const headers = new Headers(request.headers);
    if (this.#mode === "bearer") {
      const access = this.#read()?.access;
      if (access) headers.set("Authorization", `Bearer ${access}`);
      return new Request(request, { headers });
    }
    if (!["GET", "HEAD", "OPTIONS"].includes(request.method)) this.#protect(headers);
    return new Request(request, { headers, credentials: "include" });
  }

  /** #protect repeats the CSRF cookie, where the server has one. */
  #protect(headers) {
    const token = this.#csrfToken();
    if (token) headers.set(this.#csrf.header, token);
  }

  #csrfToken() { return cookie(`__Host-${this.#csrf.cookie}`) ?? cookie(this.#csrf.cookie); }

  /**
   * #mayRefresh says that there may be a refresh token. In cookie mode there may
   * be one that the server gave to a page without this module.
   */
  #mayRefresh() {
    const state = this.#read();
    return this.#mode === "cookie" ? !state?.out : isIn(state);
  }

  /** #quietly refreshes and reports whether that worked; an abort is thrown. */
  async #quietly(since, signal) {
    try {
      await this.#refreshSince(since, signal);
      return true;
    } catch (error) {
      if (error instanceof AuthError) return false;
      throw error;
    }
  }

  /**
   * #refreshSince refreshes unless somebody has since the time given. One
   * request runs in this tab; a caller that is aborted leaves it to the others.
   */
  async #refreshSince(since, signal) {
    // The one that runs may have been asked for by somebody who knew less.
    for (let once = 0; once < 2 && (this.#read()?.at ?? 0) <= since; once++) {
      this.#running ??= this.#exclusively(undefined, () => this.#refreshed(since)).finally(() => { this.#running = null; });
      await abortable(this.#running, signal);
    }
    if (!this.#mayRefresh()) throw nobody();
  }

  async #refreshed(since) {
    await this.#catchUp();
    const state = this.#read();
    if (isIn(state) && state.at > since) return; // another tab was faster
    if (!this.#mayRefresh()) throw nobody();
    let answer;
    try {
      answer = await this.#repeated(() => this.#ask("refresh", { refresh_token: state?.refresh }));
    } catch (error) {
      if (error.code !== "network" && error.status < 500 && error.status !== 429) await this.#ended();
      throw error;
    }
    await this.#write(this.#taken(answer));
    this.#tell("refreshed");
  }

  /**
   * #repeated asks again where no answer came: it may have been lost after the
   * server had moved on, and the token shown counts only for its grace window.
   */
  async #repeated(ask) {
    const until = performance.now() + REPEAT;
    for (let pause = 250; ; pause *= 2) {
      try {
        return await ask();
      } catch (error) {
        const lost = error.code === "network" || error.status === 502 || error.status === 503 || error.status === 504;
        const wait = Math.max(pause, (error.retryAfter ?? 0) * 1000);
        if (!lost || performance.now() + wait >= until) throw error;
        await new Promise((done) => setTimeout(done, wait));
      }
    }
  }

  /** #exclusively runs work while no other tab does. */
  #exclusively(signal, work) {
    return navigator.locks.request(this.#name, signal ? { signal } : {}, work);
  }

  /** #ask posts to the server and returns the answer's JSON, or throws. */
  async #ask(path, body, signal, bearer) {
    try {
      return await this.#post(path, body, signal, bearer);
    } catch (error) {
      // A server that demands a CSRF token gives one to whoever has none.
      if (error.code !== "cross_origin" || this.#mode !== "cookie" || this.#csrfToken()) throw error;
      await fetch(`${this.#base.href}/csrf`, { credentials: "include", cache: "no-store" }).catch(() => {});
      if (!this.#csrfToken()) throw error;
      return this.#post(path, body, signal, bearer);
    }
  }

  async #post(path, body, signal, bearer) {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (bearer) headers.set("Authorization", `Bearer ${bearer}`);
    if (this.#mode === "cookie") this.#protect(headers);
    let answer, text;
    try {
      const patience = AbortSignal.timeout(PATIENCE);
      answer = await fetch(`${this.#base.href}/${path}`, {
        method: "POST", headers, body: JSON.stringify(body), cache: "no-store", redirect: "error",
        credentials: this.#mode === "cookie" ? "include" : "omit",
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
      text = await answer.text();
    } catch (cause) {
      signal?.throwIfAborted();
      throw new AuthError("network", "the server cannot be reached", { cause });
    }
    let json = null;
    try { json = JSON.parse(text); } catch { /* a proxy's page */ }
    if (answer.ok && json) return json;
    const retryAfter = Number(answer.headers.get("Retry-After")) || undefined;
    throw new AuthError(json?.code ?? json?.error ?? "unavailable",
      json?.error_description ?? `the server answered ${answer.status}`, { status: answer.status, retryAfter });
  }

  /** #taken is what is kept of a token answer. */
  #taken(answer) {
    const at = this.#next();
    const until = answer.expires_in ? Date.now() + answer.expires_in * 1000 : undefined;
    return this.#mode === "cookie" ? { at, until } : { at, until, access: answer.access_token, refresh: answer.refresh_token };
  }

  /** #next is a time that orders states over all tabs, whatever becomes of the clock. */
  #next() { return Math.max(Date.now(), (this.#read()?.at ?? 0) + 1); }

  #read() {
    if (!this.#store) return this.#state;
    try {
      return JSON.parse(this.#store.getItem(this.#name));
    } catch {
      return null;
    }
  }

  /** #write keeps a state, for all tabs where they share one. Whoever calls it holds the lock. */
  async #write(state) {
    this.#state = state;
    if (!this.#store) return;
    this.#store.setItem(this.#name, JSON.stringify(state));
    await agreed(this.#name, { at: state.at, until: state.until, out: state.out });
  }

  /**
   * #catchUp takes in what the holder of the lock before wrote. What another
   * process writes to localStorage arrives here later than the lock does.
   */
  async #catchUp() {
    if (!this.#store) return;
    const news = await agreed(this.#name);
    if (!news) return;
    const behind = () => (this.#read()?.at ?? 0) < news.at;
    if (this.#mode === "cookie" && behind()) {
      this.#store.setItem(this.#name, JSON.stringify(news));
    }
    for (const until = performance.now() + LAG; behind() && performance.now() < until;) {
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  async #ended() {
    await this.#write({ at: this.#next(), out: true });
    this.#tell("signedout");
  }

  /** #tell fires an event here and in the other tabs. */
  #tell(type) {
    this.#channel.postMessage(type);
    this.dispatchEvent(new Event(type));
  }

  #hear(type) {
    // Tabs that share no store have sessions of their own.
    if (!this.#store) return;
    if (["signedin", "refreshed", "signedout"].includes(type)) this.dispatchEvent(new Event(type));
  }
}

function nobody() { return new AuthError("unauthenticated", "nobody is signed in"); }

/**
 * agreed returns, or sets, what all tabs agree on at once: IndexedDB orders
 * transactions over all processes, which localStorage does not. Where there is
 * none, as in some private windows, it is undefined.
 */
function agreed(name, value) {
  return new Promise((resolve) => {
    const open = indexedDB.open("watchword", 1);
    open.onupgradeneeded = () => open.result.createObjectStore("states");
    open.onerror = () => resolve(undefined);
    open.onsuccess = () => {
      const db = open.result;
      const work = db.transaction("states", value ? "readwrite" : "readonly");
      const states = work.objectStore("states");
      const done = value ? states.put(value, name) : states.get(name);
      work.oncomplete = () => { db.close(); resolve(value ?? done.result); };
      work.onabort = () => { db.close(); resolve(undefined); };
    };
  });
}

/** isIn reports whether a state is that of somebody signed in. */
function isIn(state) { return Boolean(state) && !state.out; }

/** expired says that the token is surely no good any more. The clock here may be wrong: a 401 decides too. */
function expired(state) { return state.until !== undefined && Date.now() >= state.until; }

/** final reports whether a refusal is one that no refresh mends. A route may give no code: one try is cheap. */
async function final(answer) {
  try {
    return FINAL.has((await answer.clone().json()).code);
  } catch {
    return false;
  }
}

/** cookie returns a cookie's value, or undefined. */
function cookie(name) {
  for (const pair of document.cookie.split("; ")) {
    const i = pair.indexOf("=");
    if (pair.slice(0, i) === name) return pair.slice(i + 1).replace(/^"|"$/g, "");
  }
  return undefined;
}

/** abortable is the promise, or the abort, whichever comes first. */
function abortable(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) { promise.catch(() => {}); return abort(); }
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
