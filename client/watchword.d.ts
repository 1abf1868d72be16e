// Types of watchword.js. The module's own comments say what each one does.

export interface Options {
  /** Where the server's routes are; default "/auth/v1". */
  base?: string;
  /** The server's transport: "cookie" for one-cookie and two-cookies (default), "bearer" for json. */
  mode?: "cookie" | "bearer";
  /** Further origins that get the token, beside that of base. */
  origins?: string[];
  /** Names of the CSRF cookie (without __Host-) and header, where the server demands them. */
  csrf?: { cookie?: string; header?: string };
  /** Name of the cookie with the claims (without __Host-); default "ww_payload". */
  payload?: string;
  /**
   * Bearer mode only: where tokens are kept. null (default) is this tab's
   * memory: a reload signs out, and no other script of the site finds them
   * lying about. localStorage shares one session between tabs, and with
   * whatever script gets into the page. Not sessionStorage: a tab that is
   * duplicated takes a copy of the refresh token along, and the second use of
   * that ends the session.
   */
  storage?: Storage | null;
}

export class AuthError extends Error {
  constructor(code: string, message: string, more?: { status?: number; retryAfter?: number; cause?: unknown });
  /** The server's code, such as "invalid_credentials", or "network" where it could not be reached. */
  readonly code: string;
  /** The status of the answer; 0 where there was none. */
  readonly status: number;
  /** Seconds after which to try again, where the server said so. */
  readonly retryAfter?: number;
}

/** What is fired, whichever tab it happened in. */
export type EventName = "signedin" | "refreshed" | "signedout";

export class Client extends EventTarget {
  constructor(options?: Options);
  readonly signedIn: boolean;
  readonly claims: Record<string, unknown> | null;
  signIn(login: string, password: string, options?: { scope?: string; signal?: AbortSignal }): Promise<void>;
  signOut(options?: { everywhere?: boolean; signal?: AbortSignal }): Promise<void>;
  refresh(options?: { signal?: AbortSignal }): Promise<void>;
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  close(): void;
  addEventListener(type: EventName, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
  removeEventListener(type: EventName, listener: EventListenerOrEventListenerObject | null, options?: EventListenerOptions | boolean): void;
}
