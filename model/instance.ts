/** Instance: one replica of a service, ordinal by ordinal; made and removed by the service controller (SPEC 3). @module */
import { z } from "zod";
import { initProgressSchema } from "./init_step.ts";
import { hostPortOf } from "./exposing.ts";
import { type Probe, probeSchema } from "./health.ts";
import { type VolumeMount, volumeMountSchema } from "./mounts.ts";
import { type Resource, resourceSchema } from "./envelope.ts";
import { serviceReasonSchema, type ServiceSpec, serviceSpecSchema } from "./service.ts";

/** The fields of a service that an instance runs: a change of any of them replaces the instance. */
export const TEMPLATE_FIELDS = [
  "image",
  "command",
  "args",
  "process",
  "env",
  "envFrom",
  "ports",
  "health",
  "resources",
  "secretMounts",
  "configMounts",
  "volumes",
  "expose",
  "securityContext",
  "identity",
  "initSteps",
] as const;

/** What an instance runs: the service's spec as it was when the instance was made. */
export type InstanceTemplate = Pick<ServiceSpec, typeof TEMPLATE_FIELDS[number]>;

/** Cuts the template out of a service's spec. Of `expose` it keeps what its runner publishes: host names are the proxy's. */
export function templateOf(spec: ServiceSpec): InstanceTemplate {
  const own = spec.image === undefined ? undefined : hostPortOf(spec);
  const { expose: _, volumes, ...fields } = Object.fromEntries(
    TEMPLATE_FIELDS.filter((f) => spec[f] !== undefined).map((f) => [f, spec[f]]),
  ) as unknown as InstanceTemplate;
  return {
    ...fields,
    volumes: volumes.map(withoutPolicy),
    ...(own && {
      expose: {
        port: spec.expose!.port,
        hostPort: own.hostPort,
        ...(own.hostAddress !== undefined && { hostAddress: own.hostAddress }),
      },
    }),
  };
}

/** When its volumes are copied is nothing that an instance runs: another policy replaces none. */
function withoutPolicy(mount: VolumeMount): VolumeMount {
  if (mount.claimTemplate?.snapshotPolicy === undefined) return mount;
  const { snapshotPolicy: _, ...claimTemplate } = mount.claimTemplate;
  return { ...mount, claimTemplate };
}

/** Which runner runs a template. */
export type RunnerName = "docker" | "process";

/** The runner that a service needs: Docker for an image, else the process runner. */
export function runnerOf(spec: Pick<ServiceSpec, "image">): RunnerName {
  return spec.image === undefined ? "process" : "docker";
}

export const instanceSpecSchema = z.strictObject({
  service: z.string(),
  serviceUid: z.string(),
  ordinal: z.number().int(),
  runner: z.enum(["docker", "process"]),
  /** The generation of the service whose template this is. */
  serviceGeneration: z.number().int(),
  /** The service's `rune.io/restarted-at` when it was made. */
  restartedAt: z.string().optional(),
  /**
   * A successor of one that may not run beside it. It makes sure of all that can be known before, and starts when it has the name of
   * its ordinal, which it gets when the other one is gone.
   */
  awaitsTurn: z.literal(true).optional(),
  template: z.custom<InstanceTemplate>((value) => typeof value === "object" && value !== null),
});

/** States of an instance (SPEC 3); one that ended for good is `Completed` when it ended well, else `Stopped`. */
export const instanceStateSchema = z.enum([
  "Pending",
  "Starting",
  "Running",
  "Unhealthy",
  "Paused",
  "Stopping",
  "Completed",
  "Stopped",
  "Failed",
  "Stalled",
]);
export type InstanceState = z.infer<typeof instanceStateSchema>;

/** Whether an instance in this state has a run that lives, as far as was last seen. */
export function isAlive(state: InstanceState): boolean {
  return state === "Running" || state === "Unhealthy" || state === "Paused";
}

/** What Rune found when it made an image ready for a run. */
export const instanceImageSchema = z.object({
  /** The run. */
  run: z.number().int(),
  /** The Engine's id of the image. */
  id: z.string(),
  /** Mounts for volumes that the image declares and no mount of the service covers. */
  volumes: z.array(volumeMountSchema),
  /** Directories of the image that a mount of files hides, and names of what is in them. */
  hidden: z.array(z.object({ path: z.string(), entries: z.array(z.string()) })).optional(),
  /** The kind of processor that the image is for, where this machine has another one. */
  foreign: z.string().optional(),
  /** The image's HEALTHCHECK, where the service has no check of its own. */
  health: probeSchema.optional(),
});
export type InstanceImage = z.infer<typeof instanceImageSchema>;

export const instanceStatusSchema = z.object({
  state: instanceStateSchema,
  ready: z.boolean(),
  /** Why it is not Running. */
  reason: serviceReasonSchema.optional(),
  message: z.string().optional(),
  /** Counts runs from 1; a run's identity is the instance's uid and this. 0: nothing was ever launched. */
  run: z.number().int(),
  /** Of one that awaits its turn: when images, values and volumes were there, and its runner refused nothing. */
  preparedAt: z.string().optional(),
  /** Docker: what its image asks for beside the spec. */
  image: instanceImageSchema.optional(),
  /** Volumes of the Engine's own that its container has: one that an earlier version of Rune made. */
  engineVolumes: z.array(z.object({ path: z.string(), name: z.string() })).optional(),
  /** Versions of the configmaps and secrets that the current run was given, by `configmap default/app`. */
  configVersions: z.record(z.string(), z.string()).optional(),
  /** How far the init steps of a run have come. */
  init: initProgressSchema.optional(),
  /** The runner's identifier of the current run: a container id, a pid. */
  handle: z.string().optional(),
  /** Address on the namespace's network. */
  ip: z.string().optional(),
  /** Where ports of this machine lead to it: `0.0.0.0:8080/tcp`. */
  published: z.array(z.string()).optional(),
  pid: z.number().int().optional(),
  /** Replacements after a crash. */
  restarts: z.number().int(),
  /** Crashes in a row, none of which ran for 60 s. */
  crashes: z.number().int(),
  /** Launch attempts in a row that failed before anything ran. */
  launchFailures: z.number().int(),
  /** When the next run may start. */
  nextAttemptAt: z.string().optional(),
  startedAt: z.string().optional(),
  /** When the current run became ready for the first time. */
  readyAt: z.string().optional(),
  /** The boot of the host in which its last run was begun. */
  boot: z.string().optional(),
  /** It ended together with everything else, and waits for its dependencies again: since when. */
  awaitsSince: z.string().optional(),
  /** The run whose startup check has passed. */
  startedUp: z.number().int().optional(),
  /** A run that failed its liveness check: it is to be killed, and its end is not a crash of its own. */
  condemned: z.object({ run: z.number().int(), message: z.string() }).optional(),
  finishedAt: z.string().optional(),
  lastFailure: z.object({
    at: z.string(),
    reason: serviceReasonSchema,
    message: z.string(),
    exitCode: z.number().int().optional(),
    /** The command that shows what that run printed; absent where it printed nothing. */
    logs: z.string().optional(),
  }).optional(),
});

export type InstanceSpec = z.infer<typeof instanceSpecSchema>;
export type ConfigVersions = NonNullable<z.infer<typeof instanceStatusSchema>["configVersions"]>;
export type InstanceStatus = z.infer<typeof instanceStatusSchema>;
export type Instance = Resource<"instance", InstanceSpec, InstanceStatus>;

export const instanceResource = resourceSchema("instance", {
  spec: instanceSpecSchema,
  status: instanceStatusSchema,
});

/** The volumes that an instance mounts: its template's, then those for volumes that its image declares. */
export function mountsOf({ spec, status }: Pick<Instance, "spec" | "status">): VolumeMount[] {
  return [...spec.template.volumes, ...status.image?.volumes ?? []];
}

/** The checks of an instance: its template's, else that of its image, which decides readiness. */
export function healthOf(
  { spec, status }: Pick<Instance, "spec" | "status">,
): InstanceTemplate["health"] {
  const { health } = spec.template;
  if (health !== undefined && Object.values(health).some((probe) => probe !== undefined)) return health;
  const probe: Probe | undefined = status.image?.health;
  return probe ? { readiness: probe } : health;
}

const current = new WeakMap<InstanceTemplate, InstanceTemplate>();

/** A stored template brought to the current schema, so that a new default alone never restarts anything. */
export function currentTemplate({ spec: { template } }: Instance): InstanceTemplate {
  let known = current.get(template);
  if (!known) {
    const parsed = serviceSpecSchema.safeParse(template);
    known = parsed.success ? templateOf(parsed.data) : template;
    current.set(template, known);
  }
  return known;
}
