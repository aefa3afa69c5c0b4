/**
 * The durable side of a commit: one batch of mutations at a time, whole or not at all, of any size, with its
 * outcome known also when the disk failed in the middle. Called by the writer alone, never twice at once.
 * @module
 */
import { RuneError } from "../model/error.ts";
import { cannotWrite } from "./failures.ts";
import { HEAD, REDO_MARK } from "./keys.ts";
import { finishRedo, fitsOneCommit, stage, writeRedo } from "./redo.ts";
import type { Mutation } from "./values.ts";

/** What every commit rewrites. */
export interface Head {
  /** Of the last transaction. */
  revision: number;
  /** Journal entries up to this revision may be gone. */
  oldest: number;
  /** Journal entries on disk. */
  entries: number;
}

/** One commit. */
export interface Batch {
  mutations: Mutation[];
  head: Head;
  /** Called once when the batch is known to be durable; that may be after `commit` was rejected. */
  onLanding(): void;
}

/** See the module comment. */
export class Log {
  readonly #kv: Deno.Kv;
  #head: Head;
  /** Versionstamp of the head: nobody else writes, so it moved exactly when our commit landed. */
  #stamp: string | null;
  /** What to call if the commit whose outcome could not be read has landed. */
  #unsure?: () => void;
  /** The redo log may hold something. */
  #redo = false;

  private constructor(kv: Deno.Kv, head: Deno.KvEntryMaybe<Head>) {
    this.#kv = kv;
    this.#head = head.value ?? { revision: 0, oldest: 0, entries: 0 };
    this.#stamp = head.versionstamp;
  }

  /** Applies what a killed process left in the redo log, then reads the head. */
  static async open(kv: Deno.Kv): Promise<Log> {
    await finishRedo(kv);
    return new Log(kv, await kv.get<Head>(HEAD));
  }

  /** The head of the last commit that is known to have landed. */
  get head(): Head {
    return this.#head;
  }

  /** False while disk lags behind what `landed` told, after a failed write. */
  get settled(): boolean {
    return !this.#redo && this.#unsure === undefined;
  }

  /** Finishes what a failed write left open. @throws {RuneError} `unavailable` when that fails again. */
  async settle(): Promise<void> {
    try {
      if (this.#unsure) {
        const landed = this.#unsure;
        const moved = await this.#hasMoved();
        this.#unsure = undefined;
        if (moved) landed();
      }
      if (this.#redo) {
        await finishRedo(this.#kv);
        this.#redo = false;
      }
    } catch (error) {
      throw cannotWrite(error);
    }
  }

  /** @throws {RuneError} `unavailable` when the batch did not land, or that cannot be known now. */
  async commit(batch: Batch): Promise<void> {
    await this.settle();
    if (fitsOneCommit(batch.mutations)) {
      await this.#decide(batch, batch.mutations);
      return batch.onLanding();
    }
    this.#redo = true;
    try {
      await writeRedo(this.#kv, batch.mutations);
    } catch (error) {
      throw cannotWrite(error);
    }
    await this.#decide(batch, [{ key: REDO_MARK, value: true }]);
    // It is committed by now: a failure to apply it is made good by the next settle(), or at the next open.
    await this.settle().catch(() => {});
    batch.onLanding();
  }

  async #decide({ head, onLanding }: Batch, mutations: Mutation[]): Promise<void> {
    const commit = this.#kv.atomic().check({ key: HEAD, versionstamp: this.#stamp });
    let result: Deno.KvCommitResult | Deno.KvCommitError;
    try {
      result = await stage(commit, mutations).set(HEAD, head).commit();
    } catch (error) {
      if (await this.#hasLanded(onLanding)) return;
      throw cannotWrite(error);
    }
    if (!result.ok) {
      throw new RuneError("internal", "another process has written the state of this daemon", {
        hint: "stop whatever else opens the data directory, then restart the daemon",
      });
    }
    this.#stamp = result.versionstamp;
    this.#head = head;
  }

  async #hasLanded(onLanding: () => void): Promise<boolean> {
    try {
      return await this.#hasMoved();
    } catch {
      this.#unsure = onLanding;
      return false;
    }
  }

  /** Reads the head again, and whether it moved. */
  async #hasMoved(): Promise<boolean> {
    const head = await this.#kv.get<Head>(HEAD);
    if (head.versionstamp === this.#stamp) return false;
    this.#stamp = head.versionstamp;
    this.#head = head.value!;
    return true;
  }
}
