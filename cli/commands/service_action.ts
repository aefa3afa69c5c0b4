/** Actions on one service that wait for their effect: scale, restart, stop. @module */
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Service } from "../../model/service.ts";
import { resourcePath } from "../client/api.ts";
import type { Session } from "../client/command.ts";
import type { Settled } from "../waiting/settle.ts";
import { durationFlag, type WaitFlags, waitFor } from "../waiting/wait_flags.ts";

/** One action. */
export interface ServiceAction {
  action: "scale" | "restart" | "stop";
  service: string;
  body?: unknown;
  flags: WaitFlags;
}

/**
 * Requests the action and waits until the service has carried it out.
 *
 * @returns how it ended, or undefined with `--no-wait`.
 * @throws {RuneError} `not_found`; as `waitFor` does.
 */
export async function actOnService(session: Session, request: ServiceAction): Promise<Settled | undefined> {
  const { action, flags } = request;
  const timeoutMs = durationFlag(flags.timeout);
  const key = { kind: "service", namespace: session.namespace, name: request.service } as const;
  const path = resourcePath(key, "actions", action);
  const { generation, annotations, resourceVersion } = await session.client.request<Service>("POST", path, {
    body: request.body,
  });
  if (!flags.wait) return undefined;
  const restartedAt = action === "restart" ? annotations[ANNOTATIONS.restartedAt] : undefined;
  const [settled] = await waitFor(session, [{ ...key, generation, restartedAt }], {
    what: action,
    timeoutMs,
    since: resourceVersion,
  });
  return settled;
}
