/**
 * Makes sure that an instance can start before the one it replaces is stopped. Its own image is already
 * present (image.ts). This checks the images of its init steps, its configmaps and secrets, and what its
 * runner would refuse. It changes nothing that runs, and leaves only images behind.
 * @module
 */
import type { NodeRunner } from "../../node/node_runner.ts";
import { mountsOf } from "../../model/instance.ts";
import type { Service } from "../../model/service.ts";
import type { ReadData } from "../config/data.ts";
import { resolveConfig } from "../config/resolve.ts";
import type { SecretReader } from "../../store/secrets/vault.ts";
import { resolveSecretEnv } from "../../node/secret_refs.ts";
import { pullPolicyOf } from "./image.ts";
import { phaseOfImage, runPhase, runSpecOf, stepSpecOf, withSecrets } from "./launch.ts";
import type { InstanceView } from "./view.ts";

/** The dependencies of a preparation. */
export interface PrepareOptions {
  runner: NodeRunner;
  readData: ReadData;
  secrets: SecretReader;
  signal: AbortSignal;
  /** Called with the progress of an image pull. */
  onProgress: (text: string) => void;
}

/**
 * Prepares the first run of an instance.
 *
 * @throws {LaunchError} with the reason why the instance could not start.
 */
export async function prepare(
  view: InstanceView & { service: Service },
  { runner, readData, secrets, signal, onProgress }: PrepareOptions,
): Promise<void> {
  const { instance: { namespace, spec: { template } }, service } = view;
  const steps = template.initSteps;
  for (const image of new Set(steps.map((step) => step.image))) {
    if (image === undefined || image === template.image || !runner.pullImage) continue;
    const policy = pullPolicyOf(service, image);
    await phaseOfImage(async () => {
      for await (const text of runner.pullImage!(image, { policy, signal })) onProgress(text);
    });
  }
  const explicit = { ...template.env, ...template.process?.env };
  const { config, secretEnv } = await runPhase("ConfigMissing", async () => {
    const found = await resolveConfig(template, { namespace, readData });
    const where = { namespace, secrets };
    for (const step of steps) await resolveSecretEnv(step.env, where);
    const referred = await resolveSecretEnv(explicit, where);
    return { config: { env: found.env, mounts: [] }, secretEnv: { ...found.secretEnv, ...referred } };
  });
  await runPhase("LaunchFailed", async () => {
    const covered = [...mountsOf(view.instance), ...template.secretMounts, ...template.configMounts]
      .map(({ mountPath }) => mountPath);
    const main = { ...runSpecOf(view, { run: 1, sources: [], config }), mounts: [] };
    const attempts = steps.map((step) => stepSpecOf(main, { step, attempt: 1 }));
    for (const spec of [main, ...attempts]) {
      await runner.rehearse(withSecrets(spec, secretEnv), { covered, signal });
    }
  });
}
