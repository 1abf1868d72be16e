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
// - Signed out in one tab, signed out in all, pages that "back" brings included.
// - No request goes out a second time for somebody else who has signed in.
// - Tokens go to the origins that were named, and nowhere else.

/** How long a refresh whose answer was lost is asked for again, in milliseconds. */
const REPEAT = 8000;

/**
 * How long one answer of the server is waited for, in milliseconds; half of
 * REPEAT where there is time to ask again, because lost answers mostly show by
 * nothing.
 */
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
  #base; #mode; #origins; #csrf; #payload; #store; #shared; #name; #channel;
  #running = null; // the refresh that this tab waits for
  #state = null; // what was written or heard last
  #seen; // the state that the last event told of
  #back = ({ persisted }) => { if (persisted) this.#missed(); };

  /** @param {import("./watchword.d.ts").Options} [options] */
  constructor({ base = "/auth/v1", mode = "cookie", origins = [], csrf = {}, payload = "ww_payload", storage = null } = {}) {
    super();
    if (mode !== "cookie" && mode !== "bearer") throw new TypeError(`mode ${mode} is neither "cookie" nor "bearer"`);
    // Elsewhere there are neither Secure cookies nor locks over tabs.
    if (!isSecureContext) throw new Error("watchword.js needs https, or localhost");
    this.#base = new URL(base.replace(/\/$/, ""), location.href);
    this.#mode = mode;
    this.#origins = new Set([this.#base.origin, ...origins.map((o) => new URL(o).origin)]);
    this.#csrf = { cookie: "ww_csrf", header: "X-CSRF-Token", ...csrf };
    this.#payload = payload;
    // What tabs share: in cookie mode when the last refresh was, no secret; in
    // bearer mode the tokens, which stay in this tab's memory unless the
    // application says otherwise.
    this.#store = mode === "cookie" ? local() : storage;
    this.#shared = mode === "cookie" || storage !== null && storage === local();
    // Tabs that share nothing need not wait for each other.
    this.#name = `watchword ${this.#base.href}${this.#shared ? "" : ` ${crypto.randomUUID()}`}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#seen = this.#read();
    addEventListener("pageshow", this.#back);
  }

  /** Whether somebody was signed in when last heard of; the server decides. */
  get signedIn() { return isIn(this.#read()); }

  /**
   * What the access token says: from the readable cookie where there is one,
   * or the token in bearer mode; null where neither is at hand (the cookie goes
   * with the access token) and where the server has refused or ended the
   * session. It is for showing, and proves nothing.
   */
  get claims() {
    if (this.#read()?.out) return null;
    const payload = this.#mode === "cookie"
      ? cookie(`__Host-${this.#payload}`) ?? cookie(this.#payload)
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
   * password are wrong. Where it is aborted the server may have signed in all
   * the same.
   * @param {string} login user name or e-mail address
   * @param {string} password
   * @param {{ scope?: string, signal?: AbortSignal }} [options]
   */
  async signIn(login, password, { scope, signal } = {}) {
    await this.#exclusively(signal, async () => {
      const answer = await this.#ask("token", { login, password, scope }, { signal });
      await this.#write(this.#taken(answer, crypto.randomUUID()));
      this.#tell("signedin");
    });
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
        await this.#repeated((patience) => this.#ask("logout", body, { signal, bearer: access, patience }), signal);
      } catch (error) {
        if (this.#mode === "bearer") await this.#ended();
        throw error;
      }
      await this.#ended();
    });
  }

  /**
   * Asks for new tokens now. Callers in all tabs share one request, which goes
   * on where one of them is aborted. Throws an AuthError; where the server has
   * refused, nobody is signed in any more. In cookie mode it also finds out
   * whether a page without this module has signed somebody in.
   * @param {{ signal?: AbortSignal }} [options]
   */
  refresh({ signal } = {}) { return this.#refreshSince(this.#read()?.at ?? 0, signal); }

  /**
   * fetch with the person's token: refreshes where that has expired, and tries
   * once more. The answer is returned as it is, a refusal too. Requests to
   * origins that were not named go out without token and cookies. Throws an
   * AuthError, and sends nothing, where somebody else has signed in since.
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
    const asked = this.#read();
    const stuck = isIn(asked) && expired(asked) && !(await this.#quietly(asked.at, request.signal));
    const shown = this.#read();
    if (isIn(asked) && isIn(shown) && shown.who !== asked.who) throw new AuthError("unauthenticated", "somebody else has signed in");
    const answer = await fetch(this.#signed(request));
    if (answer.status !== 401 || again === null || stuck || !this.#mayRefresh() || await final(answer)) return answer;
    // What one person has asked for is not done in the name of the next.
    if (!(await this.#quietly(shown?.at ?? 0, request.signal)) || this.#read()?.who !== shown?.who) return answer;
    answer.body?.cancel().catch(() => {});
    return fetch(this.#signed(again));
  }

  /** Stops listening to other tabs. */
  close() {
    this.#channel?.close();
    this.#channel = null;
    removeEventListener("pageshow", this.#back);
  }

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
      const asked = Date.now();
      this.#running ??= this.#exclusively(undefined, (failed) => this.#refreshed(since, asked, failed)).finally(() => { this.#running = null; });
      await abortable(this.#running, signal);
    }
    if (!this.#mayRefresh()) throw nobody();
  }

  async #refreshed(since, asked, failed) {
    const state = this.#read();
    if (isIn(state) && state.at > since) return; // another tab was faster
    // Cookies may be there that another page was given, but not if the end is news to whoever asks.
    if (this.#mode === "cookie" ? state?.out && state.at > since : !isIn(state)) throw nobody();
    // While this tab waited for its turn another one has tried in vain. Twenty
    // of them would try for minutes.
    if (failed?.when >= asked) throw new AuthError(failed.code, failed.message, failed);
    let answer;
    try {
      answer = this.#taken(await this.#repeated((patience) => this.#ask("refresh", { refresh_token: state?.refresh }, { patience })), state?.who);
    } catch (error) {
      if (refused(error)) await this.#ended(isIn(state));
      else await this.#agree({ at: 0, ...state, failed: { when: Date.now(), code: error.code, message: error.message, status: error.status, retryAfter: error.retryAfter } });
      throw error;
    }
    await this.#write(answer);
    this.#tell("refreshed");
  }

  /**
   * #repeated asks again where no answer came: it may have been lost after the
   * server had moved on, and the token shown counts only for its grace window.
   */
  async #repeated(ask, signal) {
    const begun = performance.now(), spent = () => performance.now() - begun;
    for (let pause = 250; ; pause *= 2) {
      try {
        return await ask(spent() < REPEAT / 2 ? REPEAT / 2 : PATIENCE);
      } catch (error) {
        const lost = error.code === "network" || error.status === 502 || error.status === 503 || error.status === 504;
        const wait = Math.max(pause, (error.retryAfter ?? 0) * 1000);
        if (!lost || spent() + wait >= REPEAT) throw error;
        await abortable(sleep(wait), signal);
      }
    }
  }

  /** #exclusively runs work while no other tab does, once it knows what they did. */
  #exclusively(signal, work) {
    return navigator.locks.request(this.#name, signal ? { signal } : {}, async () => work(await this.#catchUp()));
  }

  /** #ask posts to the server and returns the answer's JSON, or throws. */
  async #ask(path, body, options) {
    const shown = this.#csrfToken();
    try {
      return await this.#post(path, body, options);
    } catch (error) {
      // A server that demands a CSRF token gives one to whoever has none that counts.
      if (error.code !== "cross_origin" || this.#mode !== "cookie") throw error;
      await fetch(`${this.#base.href}/csrf`, { credentials: "include", cache: "no-store", signal: AbortSignal.timeout(PATIENCE) }).catch(() => {});
      if ((this.#csrfToken() ?? shown) === shown) throw error;
      return this.#post(path, body, options);
    }
  }

  async #post(path, body, { signal, bearer, patience = PATIENCE }) {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (bearer) headers.set("Authorization", `Bearer ${bearer}`);
    if (this.#mode === "cookie") this.#protect(headers);
    let answer, text;
    try {
      const late = AbortSignal.timeout(patience);
      answer = await fetch(`${this.#base.href}/${path}`, {
        method: "POST", headers, body: JSON.stringify(body), cache: "no-store", redirect: "error",
        credentials: this.#mode === "cookie" ? "include" : "omit",
        signal: signal ? AbortSignal.any([signal, late]) : late,
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

  /** #taken is what is kept of a token answer; who tells one sign-in from another. */
  #taken(answer, who) {
    const { access_token: access, refresh_token: refresh, expires_in: life } = answer;
    if (Boolean(access) !== (this.#mode === "bearer")) {
      throw new AuthError("unavailable", `the server's transport is not that of mode ${this.#mode}`, { status: 200 });
    }
    const state = { at: this.#next(), until: life ? Date.now() + life * 1000 : undefined, who };
    return this.#mode === "cookie" ? state : { ...state, access, refresh };
  }

  /** #next is a time that orders states over all tabs, whatever becomes of the clock. */
  #next() { return Math.max(Date.now(), (this.#read()?.at ?? 0) + 1); }

  /**
   * #read returns the newest state that this tab knows of: messages of other
   * tabs may be here before what they wrote. In bearer mode they can tell of an
   * end only, because tokens are not sent about.
   */
  #read() {
    let kept = null;
    try { kept = JSON.parse(this.#store?.getItem(this.#name) ?? null); } catch { /* forbidden, or not ours */ }
    const told = this.#state;
    if (!told || told.at <= (kept?.at ?? 0)) return kept;
    return !this.#store || this.#mode === "cookie" || told.out ? told : kept;
  }

  /** #write keeps a state, for all tabs where they share one. Whoever calls it holds the lock. */
  async #write(state) {
    this.#keep(state);
    await this.#agree(state);
  }

  #keep(state) {
    this.#state = state;
    try {
      this.#store?.setItem(this.#name, JSON.stringify(state));
    } catch {
      // Full, or forbidden: from here on this tab has its memory alone. What
      // others find must not be a refresh token that has been used: showing it
      // would end the session.
      try { this.#store.removeItem(this.#name); } catch { /* nothing can be there */ }
      this.#store = null;
    }
  }

  async #agree(state) {
    if (this.#shared) await agreed(this.#name, { ...plain(state), failed: state.failed });
  }

  /**
   * #catchUp takes in what the holder of the lock before wrote, and returns how
   * it failed, if it did. What another process writes to localStorage arrives
   * here later than the lock does.
   */
  async #catchUp() {
    const news = this.#shared ? await agreed(this.#name) : undefined;
    if (!news) return undefined;
    const behind = () => (this.#read()?.at ?? 0) < news.at;
    if (behind() && this.#mode === "cookie") this.#keep(plain(news));
    // Few steps: browsers hold back timers that follow each other in tabs that nobody sees.
    for (let pause = 8; behind() && pause < LAG; pause *= 2) await sleep(pause);
    return news.failed;
  }

  /** #ended forgets; tabs are told unless nobody was signed in that this module knew of. */
  async #ended(news = true) {
    await this.#write({ at: this.#next(), out: true });
    if (news) this.#tell("signedout");
    else this.#seen = this.#state;
  }

  /** #tell fires an event here and in the other tabs. */
  #tell(type) {
    this.#channel?.postMessage({ type, state: plain(this.#state) });
    this.#fire(type);
  }

  #hear({ type, state }) {
    const told = this.#mode === "cookie" || state.out;
    if (told && state.at > (this.#read()?.at ?? 0)) this.#state = state;
    if (state.at > (this.#seen?.at ?? 0)) this.#fire(type);
  }

  /** #missed makes up for what was not heard while "back" and "forward" kept the page. */
  #missed() {
    const state = this.#read(), before = this.#seen;
    if (!state || state.at <= (before?.at ?? 0)) return;
    if (!state.out) this.#fire(isIn(before) && before.who === state.who ? "refreshed" : "signedin");
    else if (isIn(before)) this.#fire("signedout");
  }

  #fire(type) {
    this.#seen = this.#read();
    this.dispatchEvent(new Event(type));
  }
}

/** local is localStorage, or null where the browser forbids it. */
function local() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

function sleep(time) { return new Promise((done) => setTimeout(done, time)); }

function nobody() { return new AuthError("unauthenticated", "nobody is signed in"); }

/**
 * agreed returns, or sets, what all tabs agree on at once: IndexedDB orders
 * transactions over all processes, which localStorage does not. Where there is
 * none, as in some private windows, or it does not answer, it is undefined:
 * whoever calls it holds the lock, and all tabs wait.
 */
function agreed(name, value) {
  return new Promise((resolve) => {
    setTimeout(resolve, LAG);
    try {
      const opening = indexedDB.open("watchword", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("states");
      opening.onerror = opening.onblocked = () => resolve(undefined);
      opening.onsuccess = () => {
        const db = opening.result;
        const finish = (found) => { db.close(); resolve(found); };
        try {
          const work = db.transaction("states", value ? "readwrite" : "readonly");
          const states = work.objectStore("states");
          const done = value ? states.put(value, name) : states.get(name);
          work.oncomplete = () => finish(value ?? done.result);
          work.onabort = () => finish(undefined);
        } catch {
          finish(undefined); // a database of somebody else's has the name
        }
      };
    } catch {
      resolve(undefined); // it is forbidden
    }
  });
}

/** plain is the part of a state that is no secret. */
function plain({ at, until, out, who }) { return { at, until, out, who }; }

/** refused reports whether it was the server that refused a token, not something on the way to it. */
function refused(error) { return (error.status === 400 || error.status === 401) && error.code !== "unavailable"; }

/** isIn reports whether a state is that of somebody signed in. */
function isIn(state) { return Boolean(state) && !state.out; }

/** expired says that the token is surely no good any more. The clock here may be wrong: a 401 decides too. */
function expired(state) { return state.until !== undefined && Date.now() >= state.until; }

/** final reports whether a refusal is one that no refresh mends. A route may give no code: one try is cheap. */
async function final(answer) {
  // Of a body of another kind there may be no end.
  if (!answer.headers.get("Content-Type")?.includes("json")) return false;
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
