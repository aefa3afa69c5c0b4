/**
 * Limits open connections, in total and by address, and closes idle ones. Deno.serve has no such limits, so a
 * client could keep connections open forever by sending nothing, or one header a minute.
 * @module
 */
import { startTimer, type Timer } from "../../base/delay.ts";
import { addressKey } from "../auth/rate_limit.ts";

/** Limits of a listener. */
export interface GateLimits {
  /** The most connections. */
  total: number;
  /** The most connections from one address; an IPv6 /64 counts as one. */
  perAddress: number;
  /**
   * How long, from its opening or the end of an answer, a connection may take to send the headers of the next
   * request, in ms.
   */
  idleMs: number;
}

/** The default limits. Each connection needs three descriptors, and the unit allows 65,536. */
export const GATE_LIMITS: GateLimits = { total: 2048, perAddress: 512, idleMs: 30_000 };

/** An admitted connection. */
export interface Admitted {
  /** Marks the begin of an answer. @returns a function that marks its end. */
  begin(): () => void;
  /** Marks the connection as a WebSocket, which is never idle. */
  upgrade(): void;
  /** Removes the closed connection. */
  leave(): void;
}

interface Entry {
  key: string;
  close(): void;
  requests: number;
  upgraded: boolean;
  timer?: Timer;
}

/** Admits connections within limits. */
export class ConnectionGate {
  readonly #limits: GateLimits;
  /** Idle connections; the one that has been idle longest comes first. */
  readonly #entries = new Set<Entry>();
  readonly #byAddress = new Map<string, number>();

  constructor(limits: GateLimits = GATE_LIMITS) {
    this.#limits = limits;
  }

  /** The number of open connections. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Admits a connection. If there are too many, an idle one is closed: one of the same address, if that has
   * too many.
   *
   * @param close closes the connection.
   * @returns undefined if there is no room.
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
