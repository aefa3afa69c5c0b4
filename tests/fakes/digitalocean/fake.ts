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
import { Account, type Droplet, notFound, Refusal, type Snapshot, type Volume } from "./account.ts";
import { type Answer, answerRequest, type Behaviour } from "./answers.ts";
import { type Backing, createNoBacking } from "./backing.ts";
import {
  type Fault,
  type FaultHandle,
  type FaultMatch,
  Faults,
  type MetFault,
  type Subject,
} from "./faults.ts";
import { listen, type Listener, type RawAnswer, type RawRequest } from "./listener.ts";
import { findOperation, type OperationId } from "./operations.ts";
import { ANSWERS, BODIES, queryOf, refusalAnswer } from "./wire.ts";
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

/** A request that the fake has had. */
export interface LogEntry {
  method: string;
  path: string;
  query: string;
  body?: unknown;
  /** Absent if the API has no such operation. */
  op?: OperationId;
  /** The type of the action. */
  type?: string;
  /** 0 if no HTTP answer was sent. */
  status: number;
  answer?: unknown;
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
    fake.#listener = await listen((request) => fake.#handle(request));
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

  /** Ends all faults. What already hangs goes on hanging until its handle is released. */
  clearFaults(): void {
    this.#faults.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.resolve();
    await this.#listener.close();
    await this.#locks.waitForIdle();
    await this.#account.backing[Symbol.asyncDispose]();
    if (this.violations.length > 0) throw new Error(this.violations.join("\n"));
  }

  #run<T>(work: (account: Account) => Promise<T>): Promise<T> {
    return this.#locks.run(["account"], { work: () => work(this.#account) });
  }

  async #handle(request: RawRequest): Promise<RawAnswer> {
    const { method, url, text } = request;
    if (url.pathname.startsWith("/metadata/")) return this.#answerMetadata(request);
    const found = findOperation(method, url.pathname);
    const body = parseBody(text);
    const type = (body as { type?: unknown } | undefined)?.type;
    const entry: LogEntry = {
      ...{ method, path: url.pathname, query: url.search, status: 0 },
      ...(text !== "" && { body }),
      ...(found && { op: found.id }),
      ...(typeof type === "string" && { type }),
    };
    this.log.push(entry);
    if (!found) {
      this.violations.push(`${method} ${url.pathname}: the API has no such operation`);
      return this.#send(entry, refuse(notFound()));
    }
    const query = Object.fromEntries(url.searchParams);
    const volumes = [found.params.volume_id, query.name, (body as { name?: string } | undefined)?.name];
    const subject = { op: found.id, ...(entry.type && { type: entry.type }), volume: this.#nameAll(volumes) };
    const met = this.#faults.meet(subject);
    const act = () => this.#run((account) => this.#act(account, { request, found, query, body, met }));
    return met ? await this.#misbehave(met, { entry, request, act }) : this.#send(entry, await act());
  }

  /** Adds the name of each volume that is given by its id. */
  #nameAll(volumes: Subject["volume"]): Subject["volume"] {
    return volumes.flatMap((id) => [id, this.#account.volumes.get(id ?? "")?.name]);
  }

  async #misbehave(
    { fault, reach, released }: MetFault,
    { entry, request, act }: { entry: LogEntry; request: RawRequest; act: () => Promise<Answer> },
  ): Promise<RawAnswer> {
    if ("hang" in fault) {
      let answer: Answer | undefined;
      if (fault.hang === "after") answer = await act();
      reach();
      await Promise.race([released, this.#end.promise]);
      if (request.isGone()) return "reset";
      return this.#send(entry, answer ?? await act());
    }
    reach();
    if ("after" in fault && fault.after) await act();
    if ("status" in fault) {
      const { status } = fault;
      const message = "message" in fault ? fault.message : MESSAGES[status as keyof typeof MESSAGES];
      const headers = {
        ..."retryAfter" in fault && fault.retryAfter !== undefined &&
          { "retry-after": String(fault.retryAfter) },
        ..."reset" in fault && fault.reset !== undefined && {
          "ratelimit-reset": String(Math.ceil(Date.now() / 1000) + fault.reset),
        },
      };
      return this.#send(entry, refuse(new Refusal(status, IDS[status] ?? "error", message)), headers);
    }
    if ("reset" in fault) return "reset";
    if ("garbage" in fault) return this.#sendGarbage(entry, fault.garbage);
    return this.#send(entry, await act());
  }

  #sendGarbage(entry: LogEntry, kind: "html" | "truncated" | "empty"): RawAnswer {
    if (kind === "truncated") return { truncated: JSON.stringify({ volumes: [], meta: { total: 0 } }) };
    entry.status = 200;
    const text = kind === "html" ? "<html><body><h1>502 Bad Gateway</h1></body></html>" : "";
    return { status: 200, headers: { "content-type": "text/html" }, text };
  }

  /** Checks a request and carries it out. */
  async #act(
    account: Account,
    { request, found: { id, params }, query, body, met }: {
      request: RawRequest;
      found: { id: OperationId; params: Record<string, string> };
      query: Record<string, string>;
      body: unknown;
      met: MetFault | undefined;
    },
  ): Promise<Answer> {
    const what = `${request.method} ${request.url.pathname}`;
    try {
      account.authorize(/^Bearer (\S+)$/.exec(request.header("authorization") ?? "")?.[1], id);
      await account.settle();
      if (body !== undefined && !request.header("content-type")?.startsWith("application/json")) {
        this.violations.push(`${what}: no content-type application/json`);
        throw new Refusal(415, "unsupported_media_type", "send JSON");
      }
      const form = { query: queryOf(id).safeParse(query), body: BODIES[id]?.safeParse(body) };
      for (const [part, parsed] of Object.entries(form)) {
        if (!parsed || parsed.success) continue;
        this.violations.push(`${what}: ${part}: ${parsed.error.message}`);
        throw new Refusal(400, "bad_request", `invalid ${part}`);
      }
      const fault = met?.fault;
      const checked = { op: id, params, query: form.query.data!, body, ...(fault && { fault }) };
      const answer = await answerRequest(account, checked, this.#behaviour);
      const wrong = ANSWERS[id]?.safeParse(answer.body).error;
      if (wrong) this.violations.push(`${what}: the fake's answer: ${wrong.message}`);
      return answer;
    } catch (error) {
      if (error instanceof Refusal) return refuse(error);
      this.violations.push(`${what}: the fake failed: ${error instanceof Error ? error.stack : error}`);
      return refuse(new Refusal(500, "server_error", "the fake failed"));
    }
  }

  #send(entry: LogEntry, { status, body }: Answer, headers: Record<string, string> = {}): RawAnswer {
    entry.status = status;
    if (body !== undefined) entry.answer = body;
    return {
      status,
      headers: {
        "content-type": "application/json",
        "ratelimit-limit": "5000",
        "ratelimit-remaining": String(Math.max(0, 5000 - this.log.length)),
        "ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 3600),
        ...headers,
      },
      ...(body !== undefined && { text: JSON.stringify(body) }),
    };
  }

  #answerMetadata(request: RawRequest): RawAnswer {
    if (request.header("authorization")) this.violations.push("metadata: was given a token");
    const droplet = this.#account.droplets.get(this.#account.here ?? -1);
    const values: Record<string, string> = droplet
      ? { id: String(droplet.id), hostname: droplet.name, region: droplet.region }
      : {};
    const text = values[request.url.pathname.replace("/metadata/v1/", "")];
    const headers = { "content-type": "text/plain" };
    return text === undefined ? { status: 404, headers, text: "not found" } : { status: 200, headers, text };
  }
}

const MESSAGES = {
  429: "API Rate limit exceeded.",
  500: "Unexpected server-side error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

const IDS: Record<number, string> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  422: "unprocessable_entity",
  429: "too_many_requests",
  500: "server_error",
  502: "bad_gateway",
  503: "service_unavailable",
};

function refuse({ status, id, message }: Refusal): Answer {
  return { status, body: refusalAnswer.parse({ id, message, request_id: crypto.randomUUID() }) };
}

/** The JSON of a body; the text itself if it is none. */
function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
