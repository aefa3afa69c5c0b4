/** In the place of `reconcile/room.ts`: volumes in memory are never full. @module */

/** See `reconcile/room.ts`. */
export async function fullness(_path: string): Promise<string | undefined> {
  return undefined;
}
