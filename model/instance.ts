/**
 * Instance: one replica of a service, with an ordinal. The service controller creates and removes it.
 * @module
 */
import { z } from "zod";
import { initProgressSchema } from "./init_step.ts";
import { hostPortOf } from "./exposing.ts";
import { type Probe, probeSchema } from "./health.ts";
import { type VolumeMount, volumeMountSchema } from "./mounts.ts";
import { type Resource, resourceSchema } from "./envelope.ts";
import { serviceReasonSchema, type ServiceSpec, serviceSpecSchema } from "./service.ts";

/** The fields of a service that an instance runs. A change to any of them replaces the instance. */
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

/** The part of a service that an instance runs, copied when the instance was created. */
export type InstanceTemplate = Pick<ServiceSpec, typeof TEMPLATE_FIELDS[number]>;

/**
 * Extracts the template from a service's spec. It keeps only what the runner publishes of `expose`: host
 * names belong to the proxy.
 */
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

/** An instance does not depend on when its volumes are copied, so a new policy replaces none. */
function withoutPolicy(mount: VolumeMount): VolumeMount {
  if (mount.claimTemplate?.snapshotPolicy === undefined) return mount;
  const { snapshotPolicy: _, ...claimTemplate } = mount.claimTemplate;
  return { ...mount, claimTemplate };
}

/** The name of a runner. */
export type RunnerName = "docker" | "process";

/** The runner of a service: Docker for an image, else the process runner. */
export function runnerOf(spec: Pick<ServiceSpec, "image">): RunnerName {
  return spec.image === undefined ? "process" : "docker";
}

export const instanceSpecSchema = z.strictObject({
  service: z.string(),
  serviceUid: z.string(),
  ordinal: z.number().int(),
  runner: z.enum(["docker", "process"]),
  /** The generation of the service that this template comes from. */
  serviceGeneration: z.number().int(),
  /** The service's `rune.io/restarted-at` when the instance was created. */
  restartedAt: z.string().optional(),
  /**
   * A successor that may not run beside its predecessor. It prepares everything that it can in advance. It
   * starts when the predecessor is gone and it takes over the ordinal's name.
   */
  awaitsTurn: z.literal(true).optional(),
  template: z.custom<InstanceTemplate>((value) => typeof value === "object" && value !== null),
});

/** States of an instance. One that ended for good is `Completed` if it ended well, else `Stopped`. */
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

/** Whether an instance in this state has a live run, as far as Rune last saw. */
export function isAlive(state: InstanceState): boolean {
  return state === "Running" || state === "Unhealthy" || state === "Paused";
}

/** What Rune found when it prepared an image for a run. */
export const instanceImageSchema = z.object({
  /** The number of the run. */
  run: z.number().int(),
  /** The Engine's id of the image. */
  id: z.string(),
  /** Mounts for volumes that the image declares and that no mount of the service covers. */
  volumes: z.array(volumeMountSchema),
  /** Directories of the image that a mount of files hides, with the names of their entries. */
  hidden: z.array(z.object({ path: z.string(), entries: z.array(z.string()) })).optional(),
  /** The image's architecture, if it differs from this machine's. */
  foreign: z.string().optional(),
  /** The image's HEALTHCHECK, if the service has no check of its own. */
  health: probeSchema.optional(),
});
export type InstanceImage = z.infer<typeof instanceImageSchema>;

export const instanceStatusSchema = z.object({
  state: instanceStateSchema,
  ready: z.boolean(),
  /** Why it is not Running. */
  reason: serviceReasonSchema.optional(),
  message: z.string().optional(),
  /** Counts runs from 1. The instance's uid and this number identify a run. 0: nothing was ever launched. */
  run: z.number().int(),
  /**
   * For a successor that waits its turn: when its images, values and volumes were ready and its runner
   * accepted it.
   */
  preparedAt: z.string().optional(),
  /** Docker only: what its image requires beyond the spec. */
  image: instanceImageSchema.optional(),
  /** Volumes of the Engine that its container uses, which an earlier version of Rune let it create. */
  engineVolumes: z.array(z.object({ path: z.string(), name: z.string() })).optional(),
  /** Versions of the configmaps and secrets of the current run, by `configmap default/app`. */
  configVersions: z.record(z.string(), z.string()).optional(),
  /** The progress of a run's init steps. */
  init: initProgressSchema.optional(),
  /** The runner's identifier of the current run: a container id or a pid. */
  handle: z.string().optional(),
  /** Its address on the namespace's network. */
  ip: z.string().optional(),
  /** Ports of this machine that lead to it: `0.0.0.0:8080/tcp`. */
  published: z.array(z.string()).optional(),
  pid: z.number().int().optional(),
  /** Replacements after a crash. */
  restarts: z.number().int(),
  /** Consecutive crashes of runs that lasted less than 60 s. */
  crashes: z.number().int(),
  /** Consecutive launch attempts that failed before anything ran. */
  launchFailures: z.number().int(),
  /** When the next run may start. */
  nextAttemptAt: z.string().optional(),
  startedAt: z.string().optional(),
  /** When the current run first became ready. */
  readyAt: z.string().optional(),
  /** The host's boot id when its last run began. */
  boot: z.string().optional(),
  /** Set if it ended together with everything else and waits for its dependencies again: since when. */
  awaitsSince: z.string().optional(),
  /** The run whose startup check has passed. */
  startedUp: z.number().int().optional(),
  /** A run that failed its liveness check. Rune kills it and does not count its end as a crash. */
  condemned: z.object({ run: z.number().int(), message: z.string() }).optional(),
  finishedAt: z.string().optional(),
  lastFailure: z.object({
    at: z.string(),
    reason: serviceReasonSchema,
    message: z.string(),
    exitCode: z.number().int().optional(),
    /** The command that shows the output of that run; absent if it printed nothing. */
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

/** The volumes that an instance mounts: those of its template, then those that its image declares. */
export function mountsOf({ spec, status }: Pick<Instance, "spec" | "status">): VolumeMount[] {
  return [...spec.template.volumes, ...status.image?.volumes ?? []];
}

/** The checks of an instance: its template's, or else its image's, which decides readiness. */
export function healthOf(
  { spec, status }: Pick<Instance, "spec" | "status">,
): InstanceTemplate["health"] {
  const { health } = spec.template;
  if (health !== undefined && Object.values(health).some((probe) => probe !== undefined)) return health;
  const probe: Probe | undefined = status.image?.health;
  return probe ? { readiness: probe } : health;
}

const current = new WeakMap<InstanceTemplate, InstanceTemplate>();

/** Upgrades a stored template to the current schema, so that a new default alone never restarts anything. */
export function currentTemplate({ spec: { template } }: Instance): InstanceTemplate {
  let known = current.get(template);
  if (!known) {
    const parsed = serviceSpecSchema.safeParse(template);
    known = parsed.success ? templateOf(parsed.data) : template;
    current.set(template, known);
  }
  return known;
}
