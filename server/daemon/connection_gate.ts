/**
 * Which connections may be open: so many in all and from one address, and none for long on which nothing is
 * asked. Deno.serve has no limit of its own: who opens connections and sends nothing, or a header a minute,
 * would hold them for ever.
 * @module
 */
import { startTimer, type Timer } from "../../base/delay.ts";
import { addressKey } from "../auth/rate_limit.ts";

/** Limits of a listener. */
export interface GateLimits {
  /** Connections at once. */
  total: number;
  /** Of them from one address; of IPv6 a /64 is one. */
  perAddress: number;
  /**
   * From the opening, or the end of an answer, until the headers of the next request are there, in
   * milliseconds.
   */
  idleMs: number;
}

/** Three descriptors each; the unit allows 65,536. */
export const GATE_LIMITS: GateLimits = { total: 2048, perAddress: 512, idleMs: 30_000 };

/** One connection. */
export interface Admitted {
  /** A request has come whole; its answer is under way until the function that is returned is called. */
  begin(): () => void;
  /** It is a WebSocket now, and ends by other rules. */
  upgrade(): void;
  /** It is closed. */
  leave(): void;
}

interface Entry {
  key: string;
  close(): void;
  requests: number;
  upgraded: boolean;
  timer?: Timer;
}

/** See the module comment. */
export class ConnectionGate {
  readonly #limits: GateLimits;
  /** The one that was idle longest comes first. */
  readonly #entries = new Set<Entry>();
  readonly #byAddress = new Map<string, number>();

  constructor(limits: GateLimits = GATE_LIMITS) {
    this.#limits = limits;
  }

  /** Connections that are open. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Lets a connection in. Where there are too many, one of them goes on which nothing is asked, of the same
   * address if that has too many.
   *
   * @param close ends it.
   * @returns undefined when there is no room.
   */
  admit(address: string, close: () => void): Admitted | undefined {
    const { total, perAddress } = this.#limits;
    const key = addressKey(address);
    if ((this.#byAddress.get(key) ?? 0) >= perAddress && !this.#evict((entry) => entry.key === key)) {
      return undefined;
    }
    if (this.#entries.size >= total && !this.#evict(() => true)) return undefined;
    const entry: Entry = { key, close, requests: 0, upgraded: false };
    this.#entries.add(entry);
    this.#byAddress.set(key, (this.#byAddress.get(key) ?? 0) + 1);
    this.#wait(entry);
    return {
      begin: () => {
        entry.timer?.clear();
        entry.requests++;
        let ended = false;
        return () => {
          if (ended) return;
          ended = true;
          if (--entry.requests === 0) this.#wait(entry);
        };
      },
      upgrade: () => {
        entry.timer?.clear();
        entry.upgraded = true;
      },
      leave: () => this.#remove(entry),
    };
  }

  #wait(entry: Entry): void {
    if (entry.upgraded || !this.#entries.delete(entry)) return;
    this.#entries.add(entry);
    entry.timer?.clear();
    entry.timer = startTimer(this.#limits.idleMs, () => this.#close(entry));
  }

  #evict(mayGo: (entry: Entry) => boolean): boolean {
    for (const entry of this.#entries) {
      if (entry.requests > 0 || entry.upgraded || !mayGo(entry)) continue;
      this.#close(entry);
      return true;
    }
    return false;
  }

  #close(entry: Entry): void {
    this.#remove(entry);
    entry.close();
  }

  #remove(entry: Entry): void {
    entry.timer?.clear();
    if (!this.#entries.delete(entry)) return;
    const left = this.#byAddress.get(entry.key)! - 1;
    if (left === 0) this.#byAddress.delete(entry.key);
    else this.#byAddress.set(entry.key, left);
  }
}
