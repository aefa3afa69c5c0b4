/**
 * That a second machine can implement the contract of a node over a wire: what goes in and comes out of its
 * calls is data, a stream of data, or a signal. A call that takes or returns anything else does not compile.
 * @module
 */
import type { Node } from "./node.ts";

/**
 * The paths of what cannot cross a wire within a value that a call is given or answers with; never where all
 * can.
 */
type Stuck<T, Path extends string> = [T] extends [Plain] ? never
  : T extends Plain | Uint8Array | AbortSignal ? never
  : T extends ReadableStream<infer Item> | WritableStream<infer Item> ? Stuck<Item, Path>
  : T extends Promise<infer Item> ? Stuck<Item, Path>
  : T extends AsyncIterable<infer Item> ? Stuck<Item, Path>
  : T extends (...args: never[]) => unknown ? Path
  : T extends ReadonlyMap<infer Key, infer Value> ? Stuck<Key, Path> | Stuck<Value, Path>
  : T extends readonly (infer Item)[] ? Stuck<Item, Path>
  : T extends object ? { [K in keyof T & string]-?: Stuck<T[K], `${Path}.${K}`> }[keyof T & string]
  : Path;

type Plain = string | number | boolean | bigint | null | undefined | void;

/** The same for a part of the contract, whose members are calls, parts, and data. */
type StuckCalls<T, Path extends string> = T extends Plain ? never
  : T extends (...args: infer Args) => infer Answer ?
      | Stuck<Args[number], Path>
      | (Answer extends Promise<unknown> | AsyncIterable<unknown> ? never : Path)
      | Stuck<Answer, Path>
  : T extends ReadonlyMap<string, infer Part> ? StuckCalls<Part, Path>
  : T extends readonly unknown[] ? Stuck<T, Path>
  : { [K in keyof T & string]-?: StuckCalls<NonNullable<T[K]>, `${Path}.${K}`> }[keyof T & string];

/** Judgements of a driver without side effects: whoever has the driver's code makes them, on any machine. */
type Judgements =
  | "node.drivers.validate"
  | "node.drivers.directory"
  | "node.drivers.normalizeParameters";

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

Deno.test("every call of a node takes and returns what can cross a wire (a matter of types)", () => {
  const holds: Same<StuckCalls<Node, "node">, Judgements> = true;
  const finds: Same<
    StuckCalls<
      { open(path: string): Promise<{ close(): void }>; tell(listener: () => void): Promise<void> },
      "x"
    >,
    "x.open.close" | "x.tell"
  > = true;
  void [holds, finds];
});
