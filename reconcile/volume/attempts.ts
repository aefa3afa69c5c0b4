/** Counts the attempts to provision a volume, and says when to forget them. Pure. @module */
import { MAX_BACKOFF_MS } from "../../base/backoff.ts";
import { sameValue } from "../../model/changes.ts";
import { ANNOTATIONS } from "../../model/marks.ts";
import type { Volume, VolumeStatus } from "../../model/volume.ts";
import type { SecretVersions } from "./secret_versions.ts";

/** Attempts to provision before a volume is `Stalled`. */
export const MAX_ATTEMPTS = 6;

/** A volume, and what its next attempt would use. */
interface AttemptView {
  volume: Pick<Volume, "status" | "annotations">;
  /** The secrets that its parameters name, with their versions. */
  secrets: SecretVersions;
}

/**
 * The status without earlier attempts, if another attempt may succeed now: `retry-provision` was requested
 * and not answered yet, or a secret was changed since the last attempt.
 */
export function forgetAttempts(view: AttemptView): VolumeStatus {
  const { status } = view.volume;
  if (!isRetryAsked(view.volume) && !hasNewSecret(view)) return status;
  const { nextAttemptAt: _, failedSecrets: __, ...rest } = status;
  return { ...rest, state: "Pending", attempts: 0 };
}

function isRetryAsked({ status, annotations }: AttemptView["volume"]): boolean {
  const asked = annotations[ANNOTATIONS.retryRequestedAt];
  // Do not compare times: the clock may have been set back in between.
  return asked !== undefined && asked !== status.retriedFor;
}

function hasNewSecret({ volume: { status: { failedSecrets } }, secrets }: AttemptView): boolean {
  return failedSecrets !== undefined && !sameValue(failedSecrets, secrets);
}

/** A failed attempt. */
export interface Failure {
  message: string;
  hint?: string;
  permanent: boolean;
  now: Date;
}

/**
 * The status after a failed attempt: `Failed` with a time to retry, or `Stalled` when a retry cannot help or
 * the attempts are used up.
 *
 * @param view as it was before the attempt, so that a secret that changed meanwhile is tried next.
 */
export function failedStatus(view: AttemptView, { message, hint, permanent, now }: Failure): VolumeStatus {
  const { volume: { annotations }, secrets } = view;
  const before = forgetAttempts(view);
  const asked = annotations[ANNOTATIONS.retryRequestedAt];
  const attempts = before.attempts + 1;
  const stalled = permanent || attempts >= MAX_ATTEMPTS;
  const delayMs = Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (attempts - 1));
  const { nextAttemptAt: _, failureHint: __, failedSecrets: ___, ...rest } = before;
  return {
    ...rest,
    state: stalled ? "Stalled" : "Failed",
    attempts,
    lastAttemptAt: now.toISOString(),
    ...(asked !== undefined && { retriedFor: asked }),
    failureMessage: message,
    ...(hint !== undefined && { failureHint: hint }),
    ...(!stalled && { nextAttemptAt: new Date(now.getTime() + delayMs).toISOString() }),
    ...(Object.keys(secrets).length > 0 && { failedSecrets: secrets }),
  };
}
