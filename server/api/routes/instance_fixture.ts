/** Instances for the tests of routes, on a runner in memory. @module */
import type { Instance, InstanceStatus } from "../../../model/instance.ts";
import type { Service } from "../../../model/service.ts";
import { makeInstance } from "../../../reconcile/testing/resources.ts";
import type { Runner, RunSpec } from "../../../runners/runner.ts";
import { createMemoryRunner } from "../../../runners/testing/memory_runner.ts";
import { MemoryRuns } from "../../../runners/testing/memory_runs.ts";
import { okJson, service, type TestServer, withServer } from "../server_fixture.ts";

/** A server whose node runs instances in memory. */
export interface RunningServer extends TestServer {
  runs: MemoryRuns;
  /** Stores an instance of the service web; it runs unless the status says otherwise. */
  addInstance(ordinal: number, status?: Partial<InstanceStatus>): Promise<Instance>;
}

/** Runs a test with the service web, and a runner that has these calls besides its own. */
export async function withRunner(
  test: (server: RunningServer) => Promise<void>,
  calls: Partial<Runner> = {},
): Promise<void> {
  const runs = new MemoryRuns();
  const runner = { ...createMemoryRunner({ runs }), ...calls };
  await withServer(async (server) => {
    await okJson(server.cast([service("web", { scale: 2 })]));
    const web = server.store.get("service", "default", "web") as Service;
    await test({
      ...server,
      runs,
      async addInstance(ordinal, status = {}) {
        const { uid: _, ...made } = makeInstance(web, ordinal, { status });
        const instance = await server.store.transact((tx) => tx.create<"instance">(made));
        if (instance.status.run > 0) startRun(runs, instance);
        return instance;
      },
    });
  }, { runners: [runner] });
}

function startRun(runs: MemoryRuns, { uid, namespace, name, spec, status }: Instance): void {
  const run: Partial<RunSpec> = {
    instanceUid: uid,
    run: status.run,
    namespace,
    service: spec.service,
    instance: name,
    env: {},
    aliases: [],
  };
  runs.start(runs.create(run as RunSpec));
}
