/** Whether what a service depends on is what it waits for. Pure; the daemon waits by it, and the client shows it. @module */
import type { Instance } from "./instance.ts";
import { hasCompleted, hasFailedForGood, isCurrent } from "./job.ts";
import type { Service, ServiceSpec } from "./service.ts";

/** A service that is depended on, and its instances. */
export interface DependedOn {
  service: Service;
  instances: Instance[];
}

/** Whether it is what `readyWhen` waits for. */
export function meets(
  readyWhen: ServiceSpec["dependencies"][number]["readyWhen"],
  { service, instances }: DependedOn,
): boolean {
  const live = instances.filter((i) => i.deletionRequestedAt === undefined);
  switch (readyWhen) {
    case "healthy":
      return live.some((i) => i.status.ready);
    case "running":
      // What ended well has run: whoever waits for a short job would else wait for ever.
      return instances.some((i) =>
        i.status.state === "Running" || i.status.state === "Unhealthy" || i.status.state === "Completed"
      );
    case "started":
      return instances.some(({ status }) => status.startedAt !== undefined);
    case "completed": {
      // An end of what the service asked for earlier says nothing of what it asks for now.
      const ended = live.filter((i) => hasCompleted(i) && isCurrent(service, i));
      return service.spec.scale > 0 && ended.length >= service.spec.scale;
    }
  }
}

/** An instance whose job failed and is not run again, of what its service asks for now. */
export function failedJob(service: Service, instances: Instance[]): Instance | undefined {
  return instances.find((i) =>
    i.deletionRequestedAt === undefined && hasFailedForGood(i) && isCurrent(service, i)
  );
}
