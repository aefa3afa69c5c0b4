/**
 * What goes over the wire besides resources: requests, results and problems. The same schemas validate and
 * generate OpenAPI.
 * @module
 */
import { TERMINAL_NAME } from "./exec_protocol.ts";
import { z } from "zod";
import { durationBetween, LONGEST_WAIT } from "./duration.ts";
import { ERROR_CODES } from "./error.ts";
import { listUpTo, mapUpTo, textUpTo } from "./bounded.ts";
import { LIMITS } from "./limits.ts";
import { bytesSchema } from "./quantity.ts";
import { KINDS } from "./resource.ts";

/** The largest request body, in bytes. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

export { DEFAULT_SERVER } from "./endpoint.ts";

const castKinds = Object.values(KINDS).filter((k) => k.castable).map((k) => k.kind) as [string, ...string[]];

/**
 * A resource as a castfile writes it, before the schema of its kind checks it. More fields than any kind has
 * are refused here.
 */
export const bodySchema = mapUpTo(textUpTo(LIMITS.name), z.unknown(), LIMITS.labels);

/** `POST /v1/cast`: a whole set of resources, applied together or not at all. */
export const castRequestSchema = z.strictObject({
  resources: z.array(z.strictObject({
    kind: z.enum(castKinds),
    /** The resource, as in a castfile. */
    body: bodySchema,
  })).min(1).max(LIMITS.resources, { abort: true }),
  /** Bump the generation of services even if nothing changed, which replaces their instances. */
  force: z.boolean().default(false),
  /** Only report what would change. */
  dryRun: z.boolean().default(false),
});
export type CastRequest = z.input<typeof castRequestSchema>;

export const fieldChangeSchema = z.object({
  path: z.string(),
  from: z.unknown().optional(),
  to: z.unknown().optional(),
});

/** What a cast did, or would do, to one resource. */
export const castResultSchema = z.object({
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  action: z.enum(["created", "configured", "unchanged"]),
  generation: z.number().int(),
  changes: z.array(fieldChangeSchema),
});
export type CastResult = z.infer<typeof castResultSchema>;

/** The answer to a cast. A watch of its progress can start at `revision`. */
export const castResponseSchema = z.object({
  results: z.array(castResultSchema),
  revision: z.number().int(),
  /** What this machine lacks to carry out the cast, one sentence each. */
  warnings: z.array(z.string()).optional(),
});
export type CastResponse = z.infer<typeof castResponseSchema>;

/** A page of resources. A watch resumes from `revision`. */
export const listSchema = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), revision: z.number().int(), continue: z.string().optional() });

/** A list as a client reads it. */
export interface ResourceList<T> {
  items: T[];
  revision: number;
  continue?: string;
}

/** One server-sent event of a watch: `event: <type>`, `id: <revision>`, and this as `data:`. */
export const watchEventSchema = z.object({
  /** `sync`: everything that existed at the start has been sent. */
  type: z.enum(["put", "delete", "sync"]),
  revision: z.number().int(),
  resource: z.unknown().optional(),
});
export type WatchEvent<T = unknown> = {
  type: "put" | "delete";
  revision: number;
  resource: T;
} | { type: "sync"; revision: number };

const fieldIssueSchema = z.object({
  path: z.array(z.union([z.string(), z.number()])),
  message: z.string(),
  hint: z.string().optional(),
  resource: z.number().int().optional(),
});

/** An error, RFC 9457. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** What failed, in one sentence. */
  detail: z.string(),
  code: z.enum(ERROR_CODES),
  /** What to do. */
  hint: z.string().optional(),
  issues: z.array(fieldIssueSchema).optional(),
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** `POST …/services/{name}/actions/scale`. */
export const scaleRequestSchema = z.strictObject({
  scale: z.number().int().min(0).max(1000),
  /** Scale step by step, each step once the one before is ready. Scales at once when absent. */
  gradual: z.strictObject({
    step: z.number().int().min(1).max(1000).default(1),
    interval: durationBetween("0s", LONGEST_WAIT).default("30s"),
  }).optional(),
});

/** `POST …/services/{name}/actions/rollback`. */
export const rollbackRequestSchema = z.strictObject({
  /** Default: the latest earlier generation that was ready and differs from the current one. */
  toGeneration: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
});

/** One probe of one instance: its last answer, and when it runs next. */
export const probeReportSchema = z.object({
  instance: z.string(),
  check: z.enum(["startup", "liveness", "readiness"]),
  /** `http GET :8080/healthz`. */
  target: z.string(),
  /** Absent until a threshold is reached either way. */
  passing: z.boolean().optional(),
  failures: z.number().int(),
  successes: z.number().int(),
  failureThreshold: z.number().int(),
  successThreshold: z.number().int(),
  lastAt: z.string().optional(),
  nextAt: z.string().optional(),
  /** The last answer, in words. */
  message: z.string().optional(),
});
export type ProbeReport = z.infer<typeof probeReportSchema>;

/** `GET …/services/{name}/health`. */
export const healthReportSchema = z.object({
  instances: z.array(z.object({
    name: z.string(),
    state: z.string(),
    ready: z.boolean(),
    message: z.string().optional(),
  })),
  checks: z.array(probeReportSchema),
});
export type HealthReport = z.infer<typeof healthReportSchema>;

/** Query parameters of `DELETE …/services/{name}` and `DELETE …/volumes/{name}`. */
export const deleteQuerySchema = z.object({
  /** Services: also delete the volumes of the claim templates, by their reclaim policy. */
  cascade: z.enum(["true", "false"]).default("false"),
  /** Volumes whose policy is `delete`: delete the data at once instead of moving it to the trash. */
  now: z.enum(["true", "false"]).default("false"),
});

/** `POST …/volumes/{name}/actions/resize`. */
export const resizeRequestSchema = z.strictObject({ size: bytesSchema });

/**
 * `POST …/volumes/{name}/actions/undelete`. Without an id it restores the latest trash entry with that name.
 */
export const undeleteRequestSchema = z.strictObject({ id: textUpTo(LIMITS.name).optional() });

/** `GET …/volumes/{name}/usage`. */
export const volumeUsageSchema = z.object({
  usedBytes: z.number().int().optional(),
  limitBytes: z.number().int().optional(),
});
export type VolumeUsage = z.infer<typeof volumeUsageSchema>;

/** `GET …/trash`: deleted volumes that can be brought back. */
export const trashSchema = z.object({
  items: z.array(z.object({
    id: z.string(),
    driver: z.string(),
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    deletedAt: z.string(),
    purgeAt: z.string(),
    size: z.string().optional(),
    storageClassName: z.string().optional(),
  })),
});
export type TrashItem = z.infer<typeof trashSchema>["items"][number];

/** One line of a log stream, as the data of a server-sent event. */
export const logLineSchema = z.object({
  instance: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  time: z.string().optional(),
  text: z.string(),
  /** The raw bytes, if they are not valid UTF-8. `text` then has U+FFFD for the invalid ones. */
  base64: z.string().optional(),
  /** A line of more than 64 KiB comes in parts: the next line of this instance and stream continues it. */
  continues: z.literal(true).optional(),
});
export type LogLine = z.infer<typeof logLineSchema>;

/** One event of a log stream. */
export type LogEvent =
  | { event: "line"; data: LogLine }
  /** The first event: whose output follows. */
  | { event: "sources"; data: { instances: string[] } }
  /** A note to the person who reads: these lines are from a run that has ended, or why there are none. */
  | { event: "note"; data: { message: string } };

const cells = z.number().int().min(0).max(65_535);

/**
 * A text frame of the exec WebSocket. Binary frames carry data; their first byte names the stream (0 in, 1
 * out, 2 err).
 */
export const execControlSchema = z.discriminatedUnion("type", [
  /** Client to server, the first frame, sent within 10 s. */
  z.strictObject({
    type: z.literal("start"),
    command: listUpTo(textUpTo(LIMITS.argument), LIMITS.arguments).min(1),
    tty: z.boolean().default(false),
    stdin: z.boolean().default(false),
    size: z.strictObject({ columns: cells, rows: cells }).optional(),
    /** With `tty`: the client's terminal, which becomes the command's `TERM`. Default: `xterm`. */
    term: textUpTo(LIMITS.word).regex(TERMINAL_NAME, { error: "expected the name of a terminal type" })
      .optional(),
  }),
  /** Client to server: standard input ended. */
  z.strictObject({ type: z.literal("eof") }),
  /** Client to server: the terminal was resized. */
  z.strictObject({ type: z.literal("resize"), columns: cells, rows: cells }),
  /**
   * Both ways, after `start` and only with `EXEC_PROTOCOL` (exec_protocol.ts): the receiver may send this
   * many more bytes of data. The byte that names the stream does not count.
   */
  z.strictObject({ type: z.literal("credit"), bytes: z.number().int().min(1).max(64 * 1024 * 1024) }),
  /** Server to client, the last frame. */
  z.strictObject({ type: z.literal("exit"), code: z.number().int() }),
  z.strictObject({ type: z.literal("error"), problem: problemSchema }),
]);
export type ExecControl = z.infer<typeof execControlSchema>;

/** What one instance uses now. */
export const instanceUsageSchema = z.object({
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  /** Thousandths of a core, over the last interval. */
  milliCpu: z.number(),
  memoryBytes: z.number(),
});
/** See {@linkcode instanceUsageSchema}. */
export type InstanceUsage = z.infer<typeof instanceUsageSchema>;
/** `GET /v1/usage/instances`. */
export const usageListSchema = z.object({ items: z.array(instanceUsageSchema) });

/** `GET /v1/version`. */
export const versionSchema = z.object({
  version: z.string(),
  commit: z.string().optional(),
  builtAt: z.string().optional(),
  deno: z.string(),
});

/** `GET /v1/status`: the node at a glance. */
export const statusSchema = z.object({
  version: z.string(),
  node: z.string(),
  /** The name of this installation in the names of volumes at a provider. */
  installation: z.string(),
  /** The value of the label `rune.io/daemon` on everything that this daemon creates in the Engine. */
  daemonId: z.string(),
  startedAt: z.string(),
  dataDir: z.string(),
  devMode: z.boolean(),
  warnings: z.array(z.string()),
  runners: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string().optional() })),
  namespaces: z.array(z.object({
    name: z.string(),
    services: z.record(z.string(), z.number().int()),
    instances: z.object({ total: z.number().int(), ready: z.number().int() }),
    volumes: z.record(z.string(), z.number().int()),
  })),
  /** The latest warnings of the last hour, newest first. */
  recentWarnings: z.array(z.object({
    namespace: z.string(),
    object: z.object({ kind: z.string(), name: z.string() }),
    reason: z.string(),
    message: z.string(),
    count: z.number().int(),
    lastAt: z.string(),
  })),
});
export type Status = z.infer<typeof statusSchema>;

/**
 * `POST /v1/admin/adopt-engine`: what an operator confirms before the daemon accepts an Engine that it does
 * not recognise.
 */
export const adoptEngineSchema = z.strictObject({
  /** Every container that the daemon started on its former Engine is gone. */
  containersAreGone: z.boolean().default(false),
  /** Every other daemon with the same id is gone and will not come back. */
  takeOver: z.boolean().default(false),
});

/** The result of an adoption. */
export const adoptionSchema = z.object({
  /** False if the daemon already used this Engine. */
  changed: z.boolean(),
  id: z.string(),
  root: z.string(),
});
export type Adoption = z.infer<typeof adoptionSchema>;

/** `POST /v1/images/describe`. */
export const imageRequestSchema = z.strictObject({
  images: listUpTo(textUpTo(LIMITS.image).min(1), LIMITS.items),
});

/** What an image declares, if it is present on the daemon's host. */
export const imageReportSchema = z.object({
  image: z.string(),
  here: z.boolean(),
  /** Paths that the image declares as volumes. */
  volumes: z.array(z.string()),
  /** Whether the image has a `HEALTHCHECK`. */
  healthcheck: z.boolean(),
});
export type ImageReport = z.infer<typeof imageReportSchema>;
export const imageListSchema = z.object({ items: z.array(imageReportSchema) });

/** `POST /v1/admin/backup`. */
export const backupRequestSchema = z.strictObject({
  /** Include the key that encrypts the secrets. */
  withKek: z.boolean().default(false),
  /** Volumes whose data to include, as `<namespace>/<name>`. */
  volumes: listUpTo(
    textUpTo(LIMITS.name).regex(/^[^/]+\/[^/]+$/, { error: "expected <namespace>/<name>" }),
    LIMITS.backupVolumes,
  ).default([]),
  /** Copy the data of volumes from snapshots, pausing their writers for each. Default: true. */
  snapshots: z.boolean().optional(),
});
export type BackupRequest = z.output<typeof backupRequestSchema>;
