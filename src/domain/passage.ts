/** How the requests of an account go out, beside their key: with which headers, and through which proxies. */

/** Proxies by the scheme of what is asked for, as URLs that may hold credentials; null for none. */
export interface Proxies {
  readonly http: string | null;
  readonly https: string | null;
  /** Hosts that are asked directly, as NO_PROXY names them. */
  readonly except: readonly string[];
}

/** Where nothing is said of it, a request goes directly and has our own headers alone. */
export interface Passage {
  /** For every request to the upstream, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What of them was read from the environment, and is shown nowhere. */
  readonly secrets: readonly string[];
  /** For these requests and for result links. */
  readonly proxies: Proxies;
}

/** Through no proxy. */
export const NO_PROXIES: Proxies = { http: null, https: null, except: [] };
