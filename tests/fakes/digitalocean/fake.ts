/**
 * A fake of DigitalOcean's API for tests: volumes, snapshots, droplets, actions, tokens with scopes, and
 * every fault that real clients have met. It listens on loopback. It is stricter than the API: a request that
 * DigitalOcean's own description does not know, or an answer with something missing, fails the test when the
 * fake is disposed of.
 *
 * ```ts
 * await using fake = await FakeDigitalOcean.start();
 * const token = fake.createToken("full");
 * const droplet = fake.createDroplet("web-1", { region: "nyc3" });
 * await fake.becomeDroplet(droplet);
 * fake.setFault({ op: "volumes_create" }, { hang: "after" });
 * ```
 * @module
 */
import { KeyedLock } from "../../../base/keyed_lock.ts";
import { Account, type Droplet, type Snapshot, type Volume } from "./account.ts";
import type { Behaviour } from "./answers.ts";
import { type Backing, createNoBacking } from "./backing.ts";
import { readDescription } from "./description.ts";
import { type Fault, type FaultHandle, type FaultMatch, Faults } from "./faults.ts";
import { listen, type Listener } from "./listener.ts";
import type { OperationId } from "./operations.ts";
import { createService, type LogEntry } from "./service.ts";
import { createVolume } from "./volumes.ts";

/** How a fake behaves. */
export interface FakeOptions {
  /** What lies behind its volumes. Default: nothing, for tests of the API alone. */
  backing?: Backing;
  /** The clock of what it creates. Default: this machine's. */
  now?: () => number;
  /** The most elements of a page. Default: 2, so that lists have many pages. */
  pageSize?: number;
  /** How long an action takes if nobody looks at it, in milliseconds. Default: 1000. */
  actionMs?: number;
  /** Refuses a second snapshot of a volume within ten minutes, as DigitalOcean does. Default: false. */
  tenMinutes?: boolean;
}

/** See the module comment. */
export class FakeDigitalOcean implements AsyncDisposable {
  /** Every request, oldest first. Tokens are not in it. */
  readonly log: LogEntry[] = [];
  /** What was sent or answered against the description of the API. Disposal throws if there is any. */
  readonly violations: string[];
  readonly #account: Account;
  readonly #faults = new Faults();
  readonly #locks = new KeyedLock();
  readonly #behaviour: Behaviour;
  readonly #end = Promise.withResolvers<void>();
  #listener!: Listener;

  private constructor(
    { backing = createNoBacking(), now = Date.now, pageSize = 2, actionMs = 1000, tenMinutes = false }:
      FakeOptions,
  ) {
    this.#account = new Account(backing, now);
    this.violations = backing.violations;
    this.#behaviour = { url: "", pageSize, actionMs, tenMinutes };
  }

  /** Starts a fake with an empty account. */
  static async start(options: FakeOptions = {}): Promise<FakeDigitalOcean> {
    const fake = new FakeDigitalOcean(options);
    fake.#listener = await listen(createService({
      account: fake.#account,
      faults: fake.#faults,
      behaviour: fake.#behaviour,
      log: fake.log,
      violations: fake.violations,
      run: (work) => fake.#run(work),
      end: fake.#end.promise,
    }));
    fake.#behaviour.url = fake.#listener.url;
    return fake;
  }

  /** Where the API is. */
  get url(): string {
    return this.#listener.url;
  }

  /** Where the metadata service is. */
  get metadataUrl(): string {
    return this.#listener.url;
  }

  get volumes(): Volume[] {
    return [...this.#account.volumes.values()];
  }

  get snapshots(): Snapshot[] {
    return [...this.#account.snapshots.values()];
  }

  get droplets(): Droplet[] {
    return [...this.#account.droplets.values()];
  }

  /** The requests of an operation. */
  requests(op: OperationId, type?: string): LogEntry[] {
    return this.log.filter((entry) => entry.op === op && (type === undefined || entry.type === type));
  }

  /** Creates a token. */
  createToken(scopes: readonly string[] | "full"): string {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const token = `dop_v1_${bytes.toHex()}`;
    this.setScopes(token, scopes);
    return token;
  }

  /** Gives a token other scopes, also one that was revoked. */
  setScopes(token: string, scopes: readonly string[] | "full"): void {
    this.#account.tokens.set(token, scopes === "full" ? scopes : new Set(scopes));
  }

  /** Lets the API refuse a token from now on. */
  revokeToken(token: string): void {
    this.#account.tokens.delete(token);
  }

  /** Limits the sum of the sizes of volumes. */
  setQuota(gigabytes: number): void {
    this.#account.quotaGb = gigabytes;
  }

  /** Creates a droplet. @param options.pendingRefusals another event refuses so many of its actions. */
  createDroplet(
    name: string,
    { region = "nyc3", status = "active", gpu = false, pendingRefusals = 0 }: Partial<
      Pick<Droplet, "region" | "status" | "gpu" | "pendingRefusals">
    > = {},
  ): number {
    const id = this.#account.nextId();
    const createdAt = new Date(this.#account.now());
    this.#account.droplets.set(id, { id, name, region, status, gpu, pendingRefusals, createdAt });
    return id;
  }

  /** Changes the state or the region of a droplet, as nobody but DigitalOcean can. */
  changeDroplet(id: number, change: Partial<Pick<Droplet, "region" | "status" | "pendingRefusals">>): void {
    const droplet = this.#account.droplets.get(id);
    if (!droplet) throw new Error(`no droplet ${id}`);
    this.#account.droplets.set(id, { ...droplet, ...change });
  }

  /** Destroys a droplet. @param options.leaveAttached its volumes still name it. */
  destroyDroplet(id: number, { leaveAttached = false } = {}): Promise<void> {
    return this.#run(async (account) => {
      account.droplets.delete(id);
      account.failActions(id);
      if (account.here === id) account.here = undefined;
      for (const volume of account.volumes.values()) {
        if (!volume.dropletIds.includes(id)) continue;
        if (!leaveAttached) account.change(volume.id, { ...volume, dropletIds: [] });
        await account.showDevice(volume.id);
      }
    });
  }

  /**
   * Destroys the droplet of a name and creates another one of that name, which this machine becomes.
   * @param options.pendingRefusals a reserved IP is still being assigned.
   */
  async rebuildDroplet(
    name: string,
    { leaveAttached = false, pendingRefusals = 0 } = {},
  ): Promise<number> {
    const old = this.droplets.find((droplet) => droplet.name === name);
    if (!old) throw new Error(`no droplet ${name}`);
    await this.destroyDroplet(old.id, { leaveAttached });
    const id = this.createDroplet(name, { region: old.region, pendingRefusals });
    await this.becomeDroplet(id);
    return id;
  }

  /** Says which droplet this machine is: its volumes appear as devices, and metadata answers for it. */
  becomeDroplet(id: number): Promise<void> {
    return this.#run(async (account) => {
      account.here = id;
      for (const volume of account.volumes.values()) await account.showDevice(volume.id);
    });
  }

  /** Creates a volume as by hand, for adoption. */
  createVolume(
    volume: { name: string; sizeGb: number; region?: string; description?: string },
  ): Promise<Volume> {
    const { name, sizeGb, region = "nyc3", description } = volume;
    return this.#run((account) =>
      createVolume(account, { name, region, size_gigabytes: sizeGb, ...(description && { description }) })
    );
  }

  /** Deletes a volume as by hand, also an attached one. */
  deleteVolume(id: string): Promise<void> {
    return this.#run(async (account) => {
      const volume = account.volumes.get(id);
      if (!volume) return;
      await account.backing.disconnect(volume);
      account.change(id, undefined);
      await account.backing.remove(volume);
    });
  }

  /** Attaches a volume to a droplet, or to none, as by hand. */
  attachVolume(id: string, droplet: number | undefined): Promise<void> {
    return this.#run(async (account) => {
      const volume = account.volumes.get(id);
      if (!volume) throw new Error(`no volume ${id}`);
      account.change(id, { ...volume, dropletIds: droplet === undefined ? [] : [droplet] });
      await account.showDevice(id);
    });
  }

  /** Sets a fault for the requests that match. The first of several counts. */
  setFault(match: FaultMatch, fault: Fault): FaultHandle {
    return this.#faults.add(match, fault);
  }

  /**
   * Ends all faults. Slow actions go on as others do, so that their end does not depend on how often a busy
   * machine looks. What already hangs goes on hanging until its handle is released.
   */
  clearFaults(): void {
    this.#faults.clear();
    this.#account.hurryActions();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.resolve();
    await this.#listener.close();
    await this.#locks.waitForIdle();
    await this.#account.backing[Symbol.asyncDispose]().catch((error) => this.violations.push(String(error)));
    this.violations.push(...await this.#compareWithDescription());
    if (this.violations.length > 0) throw new Error(this.violations.join("\n"));
  }

  /** Compares what was sent and answered with DigitalOcean's own description, if it is here. */
  async #compareWithDescription(): Promise<string[]> {
    const operations = new Map((await readDescription())?.map((operation) => [operation.id, operation]));
    return this.log.flatMap((entry) => {
      // Half answers and pages of proxies are not as anybody describes.
      if (entry.answer === undefined && entry.status !== 204) return [];
      return operations.get(entry.op ?? "")?.check(entry) ?? [];
    });
  }

  #run<T>(work: (account: Account) => Promise<T>): Promise<T> {
    return this.#locks.run(["account"], { work: () => work(this.#account) });
  }
}
