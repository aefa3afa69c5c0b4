/** The account of the fake: what exists in it, and who may do what. @module */
import { type OperationId, OPERATIONS } from "./operations.ts";
import type { DeviceFault } from "./faults.ts";
import type { Backing } from "./backing.ts";

/** A volume. */
export interface Volume {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly description: string;
  readonly createdAt: Date;
  readonly tags: readonly string[];
  readonly sizeGb: number;
  /** At most one. */
  readonly dropletIds: readonly number[];
}

/** A droplet. */
export interface Droplet {
  readonly id: number;
  readonly name: string;
  readonly region: string;
  readonly createdAt: Date;
  status: "new" | "active" | "off" | "archive";
  readonly gpu: boolean;
  /** Another event keeps it busy for so many refusals. */
  pendingRefusals: number;
}

/** A snapshot of a volume. */
export interface Snapshot {
  readonly id: string;
  readonly name: string;
  readonly volumeId: string;
  readonly region: string;
  readonly sizeGb: number;
  readonly createdAt: Date;
}

/** An action on a volume. */
export interface Action {
  readonly id: number;
  readonly type: "attach" | "detach" | "resize";
  readonly volumeId: string;
  readonly dropletId?: number;
  readonly region: string;
  readonly startedAt: Date;
  status: "in-progress" | "completed" | "errored";
  completedAt?: Date;
  /** How many looks still see it in progress. */
  looksLeft: number;
  /** When it ends even if nobody looks, on the clock of `performance`. */
  dueMs: number;
  readonly ending: "completed" | "errored" | "errored-but-done";
  readonly work: () => Promise<void>;
}

/** A refusal of the API. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly id: string, message: string) {
    super(message);
  }
}

/** The refusal of something that does not exist. */
export const notFound = (): Refusal =>
  new Refusal(404, "not_found", "The resource you were accessing could not be found.");

/** The refusal of something that cannot be done now. */
export const unprocessable = (message: string): Refusal => new Refusal(422, "unprocessable_entity", message);

/** See the module comment. */
export class Account {
  readonly volumes = new Map<string, Volume>();
  readonly droplets = new Map<number, Droplet>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly actions = new Map<number, Action>();
  /** The scopes of each token. */
  readonly tokens = new Map<string, "full" | ReadonlySet<string>>();
  /** The sum of the sizes of volumes that the account may have. */
  quotaGb = Infinity;
  /** The droplet that this machine is. */
  here: number | undefined;
  readonly #lags = new Map<string, { view: Volume | undefined; reads: number }>();
  #lastId = 411_000_000;

  constructor(readonly backing: Backing, readonly now: () => number) {}

  /** A number that nothing else has. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** @throws {Refusal} 401 or 403. */
  authorize(token: string | undefined, id: OperationId): void {
    const scopes = token === undefined ? undefined : this.tokens.get(token);
    if (scopes === undefined) throw new Refusal(401, "unauthorized", "Unable to authenticate you");
    if (scopes === "full" || OPERATIONS[id].scopes.every((scope) => scopes.has(scope))) return;
    throw new Refusal(403, "forbidden", "You do not have access for the attempted action.");
  }

  /** Changes a volume. @param options.lag so many reads still show what was before. */
  change(id: string, next: Volume | undefined, { lag = 0 }: { lag?: number } = {}): void {
    if (lag > 0) this.#lags.set(id, { view: this.volumes.get(id), reads: lag });
    if (next) this.volumes.set(id, next);
    else this.volumes.delete(id);
  }

  /** What a read of a volume shows. */
  see(id: string): Volume | undefined {
    const lag = this.#lags.get(id);
    if (!lag || lag.reads-- <= 0) return this.volumes.get(id);
    return lag.view;
  }

  /** What a list of all volumes shows. */
  seeAll(): Volume[] {
    return [...new Set([...this.volumes.keys(), ...this.#lags.keys()])].map((id) => this.see(id))
      .filter((volume) => volume !== undefined);
  }

  /** Shows or hides the device of a volume, after its attachment or this machine has changed. */
  async showDevice(id: string, fault?: DeviceFault): Promise<void> {
    const volume = this.volumes.get(id);
    if (!volume) return;
    const isHere = this.here !== undefined && volume.dropletIds.includes(this.here);
    await (isHere ? this.backing.connect(volume, fault) : this.backing.disconnect(volume));
  }

  /** Ends the actions whose time has come. */
  async settle(): Promise<void> {
    for (const action of this.actions.values()) {
      if (action.status === "in-progress" && performance.now() >= action.dueMs) await this.#end(action);
    }
  }

  /** Counts a look at an action, which ends it when enough have seen it in progress. */
  async look(action: Action): Promise<void> {
    if (action.status === "in-progress" && action.looksLeft-- <= 0) await this.#end(action);
  }

  /** Lets slow actions end at the second look from now. */
  hurryActions(): void {
    for (const action of this.actions.values()) action.looksLeft = Math.min(action.looksLeft, 1);
  }

  /** The actions in progress that keep a volume or a droplet busy. */
  findPending({ volumeId, dropletId }: { volumeId: string; dropletId?: number }): Action[] {
    return [...this.actions.values()].filter((action) =>
      action.status === "in-progress" &&
      (action.volumeId === volumeId || (dropletId !== undefined && action.dropletId === dropletId))
    );
  }

  /** Fails the actions of a droplet that is gone. */
  failActions(dropletId: number): void {
    for (const action of this.actions.values()) {
      if (action.status !== "in-progress" || action.dropletId !== dropletId) continue;
      action.status = "errored";
      action.completedAt = new Date(this.now());
    }
  }

  async #end(action: Action): Promise<void> {
    action.status = action.ending === "completed" ? "completed" : "errored";
    action.completedAt = new Date(this.now());
    if (action.ending !== "errored") await action.work();
  }
}
