/**
 * The durable side of a commit. It writes one batch of mutations at a time, of any size, whole or not at all.
 * It finds out what happened even if the disk failed in the middle. Only the writer calls it, never
 * concurrently.
 * @module
 */
import { RuneError } from "../model/error.ts";
import { cannotWrite } from "./failures.ts";
import { HEAD, REDO_MARK } from "./keys.ts";
import { finishRedo, fitsOneCommit, stage, writeRedo } from "./redo.ts";
import type { Mutation } from "./values.ts";

/** The record that every commit rewrites. */
export interface Head {
  /** Revision of the last transaction. */
  revision: number;
  /** Journal entries up to this revision may be gone. */
  oldest: number;
  /** The number of journal entries on disk. */
  entries: number;
}

/** One commit. */
export interface Batch {
  mutations: Mutation[];
  head: Head;
  /** Called once, when the batch is known to be durable. That may be after `commit` rejected. */
  onLanding(): void;
}

/** See the module comment. */
export class Log {
  readonly #kv: Deno.Kv;
  #head: Head;
  /** Versionstamp of the head. Nobody else writes, so it changed if and only if our commit landed. */
  #stamp: string | null;
  /** Called if the commit with the unknown outcome turns out to have landed. */
  #unsure?: () => void;
  /** Whether the redo log may hold something. */
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

  /** False after a failed write, while the disk lags behind what `landed` reported. */
  get settled(): boolean {
    return !this.#redo && this.#unsure === undefined;
  }

  /** Finishes what a failed write left open. @throws {RuneError} `unavailable` if that fails again. */
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

  /** @throws {RuneError} `unavailable` if the batch did not land, or if nobody can know yet. */
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
    // The batch is committed by now. If applying it fails, the next settle() or the next open repeats it.
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

  /** Reads the head again and tells whether it changed. */
  async #hasMoved(): Promise<boolean> {
    const head = await this.#kv.get<Head>(HEAD);
    if (head.versionstamp === this.#stamp) return false;
    this.#stamp = head.versionstamp;
    this.#head = head.value!;
    return true;
  }
}
