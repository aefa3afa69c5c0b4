/** Ends what is open when the right to it ends: a token is revoked or expires, its user or a policy changes. @module */
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

/** See the module comment. */
export interface Sessions {
  /** Aborts, with the reason, when what this token permits may no longer be what it was. */
  signalOf(token: Token): AbortSignal;
  close(): void;
}

/** Watches over the tokens of a store. */
export function watchSessions(store: Store): Sessions {
  const sessions = new Map<string, Session>();

  function end(id: string, why: string): void {
    const session = sessions.get(id);
    if (!session) return;
    sessions.delete(id);
    session.timer?.clear();
    session.ended.abort(
      new RuneError("unauthenticated", why, { hint: "run the command again, or log in anew" }),
    );
  }

  function endAll(why: string, concerns: (session: Session) => boolean = () => true): void {
    for (const [id, session] of [...sessions]) if (concerns(session)) end(id, why);
  }

  function onChange(resource: AnyResource): void {
    if (resource.kind === "token") end(resource.name, "this token was revoked");
    if (resource.kind === "user") endAll("what you may do was changed", (s) => s.user === resource.name);
    if (resource.kind === "policy") {
      const { name } = resource;
      const holds = (user: string) => store.get("user", "", user)?.spec.policies.includes(name) ?? true;
      endAll("what you may do was changed", (s) => holds(s.user));
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
    // The clock may be set meanwhile, so it is looked at again from time to time.
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
