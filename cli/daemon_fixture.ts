/** A stand-in for the daemon that serves the API's documents and streams, for tests of the client. @module */
import type { Instance } from "../model/instance.ts";
import type { Service } from "../model/service.ts";
import type { Volume } from "../model/volume.ts";

/** Answers one request. */
export type Answer = (request: Request, url: URL) => Response | Promise<Response>;

/** Serves `answer` on a free port while `work` runs. */
export async function withDaemon(answer: Answer, work: (server: string) => Promise<void>): Promise<void> {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => answer(request, new URL(request.url)),
  );
  try {
    await work(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** A problem document. */
export function problem(code: string, status: number, more: Record<string, unknown> = {}): Response {
  const body = { type: "about:blank", title: code, status, detail: `it is ${code}`, code, ...more };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}

/**
 * A stream of server-sent events that ends after the last one; `hold` keeps it open until the client leaves.
 */
export function eventStream(
  events: { event: string; id?: number; data: unknown }[],
  options: { hold?: boolean } = {},
): Response {
  const text = events.map(({ event, id, data }) =>
    `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
  );
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of [": open\n\n", ...text]) controller.enqueue(new TextEncoder().encode(chunk));
      if (!options.hold) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const AT = "2026-01-31T12:00:00.000Z";

const envelope = (name: string) => ({
  namespace: "default",
  name,
  uid: `uid-${name}`,
  generation: 1,
  resourceVersion: 1,
  labels: {},
  annotations: {},
  createdAt: AT,
  updatedAt: AT,
  finalizers: [],
});

/** A service as the daemon would send it. */
export function aService(
  name: string,
  more: Partial<Omit<Service, "spec" | "status">> & {
    status?: Partial<Service["status"]>;
    spec?: Partial<Service["spec"]>;
  } = {},
): Service {
  const { status, spec, ...rest } = more;
  return {
    kind: "service",
    ...envelope(name),
    spec: {
      image: "web:1",
      env: {},
      envFrom: [],
      ports: [],
      scale: 1,
      dependencies: [],
      secretMounts: [],
      configMounts: [],
      volumes: [],
      update: { strategy: "rolling", maxUnavailable: 1, timeout: "5m", rollback: false },
      restart: "always",
      stopTimeout: "10s",
      initSteps: [],
      ...spec,
    },
    status: { state: "Running", instances: 1, ready: 1, updated: 1, observedGeneration: 1, ...status },
    ...rest,
  };
}

/** An instance of a service. */
export function anInstance(
  service: string,
  ordinal: number,
  more: { status?: Partial<Instance["status"]>; spec?: Partial<Instance["spec"]> } = {},
): Instance {
  return {
    kind: "instance",
    ...envelope(`${service}-${ordinal}`),
    spec: {
      service,
      serviceUid: `uid-${service}`,
      ordinal,
      runner: "docker",
      serviceGeneration: 1,
      template: aService(service).spec,
      ...more.spec,
    },
    status: {
      state: "Running",
      ready: true,
      run: 1,
      restarts: 0,
      crashes: 0,
      launchFailures: 0,
      startedAt: AT,
      ...more.status,
    },
  };
}

/** A volume. */
export function aVolume(name: string, status: Partial<Volume["status"]> = {}): Volume {
  return {
    kind: "volume",
    ...envelope(name),
    spec: {
      storageClassName: "local",
      size: "1Gi",
      accessMode: "ReadWriteOnce",
      reclaimPolicy: "retain",
      parameters: {},
    },
    status: { state: "Available", handle: `/volumes/${name}`, attempts: 0, conditions: [], ...status },
  };
}
