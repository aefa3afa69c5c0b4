/**
 * Decides whether a dependency is satisfied. Pure: the daemon waits by it, and the client shows it.
 * @module
 */
import type { Instance } from "./instance.ts";
import { hasCompleted, hasFailedForGood, isCurrent } from "./job.ts";
import type { Service, ServiceSpec } from "./service.ts";

/** A service that others depend on, with its instances. */
export interface DependedOn {
  service: Service;
  instances: Instance[];
}

/** Whether a service satisfies `readyWhen`. */
export function isDependencyMet(
  readyWhen: ServiceSpec["dependencies"][number]["readyWhen"],
  { service, instances }: DependedOn,
): boolean {
  const live = instances.filter((i) => i.deletionRequestedAt === undefined);
  switch (readyWhen) {
    case "healthy":
      return live.some((i) => i.status.ready);
    case "running":
      // A completed job counts as running: whoever waits for a short job would otherwise wait for ever.
      return instances.some((i) =>
        i.status.state === "Running" || i.status.state === "Unhealthy" || i.status.state === "Completed"
      );
    case "started":
      return instances.some(({ status }) => status.startedAt !== undefined);
    case "completed": {
      // A job that ended for an earlier spec says nothing about the current one.
      const ended = live.filter((i) => hasCompleted(i) && isCurrent(service, i));
      return service.spec.scale > 0 && ended.length >= service.spec.scale;
    }
  }
}

/** An instance of the current generation whose job failed and will not run again. */
export function failedJob(service: Service, instances: Instance[]): Instance | undefined {
  return instances.find((i) =>
    i.deletionRequestedAt === undefined && hasFailedForGood(i) && isCurrent(service, i)
  );
}
