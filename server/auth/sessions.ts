/**
 * Ends open streams when their token is revoked or expires, or when the policies of its user change.
 * @module
 */
import { MAX_TIMER_MS, startTimer, type Timer } from "../../base/delay.ts";
import { RuneError } from "../../model/error.ts";
import type { Token } from "../../model/identity.ts";
import type { AnyResource } from "../../model/resource.ts";
import type { Change, Store } from "../../store/store.ts";

interface Session {
  user: string;
  ended: AbortController;
  timer?: Timer;
}

/** The tokens that have open streams. */
export interface Sessions {
  /** A signal that aborts, with the reason, when the permissions of this token end or may have changed. */
  signalOf(token: Token): AbortSignal;
  close(): void;
}

/** Watches the tokens, users and policies of a store. */
export function watchSessions(store: Store): Sessions {
  const sessions = new Map<string, Session>();

  function end(id: string, why: string): void {
    const session = sessions.get(id);
    if (!session) return;
    sessions.delete(id);
    session.timer?.clear();
    session.ended.abort(
      new RuneError("unauthenticated", why, { hint: "run the command again, or log in again" }),
    );
  }

  function endAll(why: string, concerns: (session: Session) => boolean = () => true): void {
    for (const [id, session] of [...sessions]) if (concerns(session)) end(id, why);
  }

  function onChange(resource: AnyResource): void {
    if (resource.kind === "token") end(resource.name, "this token was revoked");
    if (resource.kind === "user") endAll("your permissions were changed", (s) => s.user === resource.name);
    if (resource.kind === "policy") {
      const { name } = resource;
      const holds = (user: string) => store.get("user", "", user)?.spec.policies.includes(name) ?? true;
      endAll("your permissions were changed", (s) => holds(s.user));
    }
  }

  const unsubscribe = store.subscribe((changes: Change[]) =>
    changes.forEach(({ resource }) => onChange(resource))
  );

  function expire(id: string, at: number): void {
    const session = sessions.get(id);
    if (!session) return;
    const left = at - Date.now();
    if (left <= 0) return end(id, "this token has expired");
    // The system clock may be changed in the meantime, so the timer is short and checks it again.
    session.timer = startTimer(Math.min(left, MAX_TIMER_MS), () => expire(id, at), { unref: true });
  }

  return {
    signalOf({ name, spec }) {
      const known = sessions.get(name);
      if (known) return known.ended.signal;
      const session: Session = { user: spec.user, ended: new AbortController() };
      sessions.set(name, session);
      if (spec.expiresAt !== undefined) expire(name, Date.parse(spec.expiresAt));
      return session.ended.signal;
    },
    close() {
      unsubscribe();
      for (const { timer } of sessions.values()) timer?.clear();
      sessions.clear();
    },
  };
}
