/**
 * Shared by the tests of this folder: a store in its own directory, resources to put in it, and failing
 * commits.
 * @module
 */
import { serviceSpecSchema } from "../model/service.ts";
import type { AnyResource } from "../model/resource.ts";
import type { NewResource, Store } from "./contract.ts";
import { openStore, type StoreOptions } from "./store.ts";

/** Runs `test` with an empty directory, and removes it afterwards. */
export async function withDir(test: (dataDir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rune-store-" });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A store for one test. `reopen` closes it and opens the same directory again. */
export interface TestStore {
  dataDir: string;
  store: Store;
  reopen(options?: Partial<StoreOptions>): Promise<Store>;
}

/** Runs `test` with a store, then closes and removes it. */
export function withStore(
  test: (opened: TestStore) => Promise<void>,
  options: Partial<StoreOptions> = {},
): Promise<void> {
  return withDir(async (dataDir) => {
    const opened: TestStore = {
      dataDir,
      store: await openStore({ dataDir, ...options }),
      async reopen(changed = options) {
        await this.store.close();
        return this.store = await openStore({ dataDir, ...changed });
      },
    };
    try {
      await test(opened);
    } finally {
      await opened.store.close();
    }
  });
}

/** A configmap with one key. */
export function configmap(name: string, value = "", namespace = "default"): NewResource<"configmap"> {
  return { kind: "configmap", namespace, name, spec: { data: { value } }, status: {} };
}

/**
 * A service, a kind with history. It has another variable for each scale, because a new scale alone makes no
 * new version.
 */
export function service(name: string, scale = 1): NewResource<"service"> {
  return {
    kind: "service",
    namespace: "default",
    name,
    spec: serviceSpecSchema.parse({ image: "busybox", scale, env: { SCALE: String(scale) } }),
    status: { state: "Pending", instances: [] } as unknown as NewResource<"service">["status"],
  };
}

/** Everything that a reader can see, to compare stores. */
export function contents(store: Store): AnyResource[] {
  return (["configmap", "service", "namespace", "volume"] as const).flatMap((kind) => store.list(kind));
}

/** Every key on disk, as text. The store must be closed. */
export async function keysOnDisk(dataDir: string, prefix: Deno.KvKey): Promise<string[]> {
  using kv = await Deno.openKv(`${dataDir}/state.db`);
  const keys: string[] = [];
  for await (const { key } of kv.list({ prefix })) keys.push(key.join("/"));
  return keys;
}

/**
 * Replaces every KV commit of this process by `commit` until disposed of.
 *
 * @param commit receives the real commit and the number of the call, from 1.
 */
export function onCommit(
  commit: (real: () => Promise<Deno.KvCommitResult | Deno.KvCommitError>, call: number) => Promise<
    Deno.KvCommitResult | Deno.KvCommitError
  >,
): Disposable {
  const prototype = Deno.AtomicOperation.prototype;
  const original = prototype.commit;
  let calls = 0;
  prototype.commit = function () {
    return commit(() => original.call(this), ++calls);
  };
  return { [Symbol.dispose]: () => void (prototype.commit = original) };
}
