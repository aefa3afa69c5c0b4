/** Finds import cycles: files that import each other, directly or through others, including types. @module */
import type { Import } from "./check_imports.ts";
import { isOutsideProgram } from "./tree.ts";

/** The shortest path from a file back to itself; undefined if there is none. */
function findWayBack(start: string, targets: ReadonlyMap<string, Set<string>>): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const waiting = [start];
  for (const file of waiting) {
    for (const to of targets.get(file) ?? []) {
      if (to === start) {
        const way = [file];
        while (way[0] !== start) way.unshift(cameFrom.get(way[0]!)!);
        return [...way, start];
      }
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, file);
      waiting.push(to);
    }
  }
  return undefined;
}

/**
 * Reports each cycle among the program's files in one line: the shortest that its first file is in. Files
 * loaded with `await import()` count too.
 */
export function findCircles(imports: Import[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    if (isOutsideProgram(from) || isOutsideProgram(to)) continue;
    targets.set(from, (targets.get(from) ?? new Set()).add(to));
  }
  const known = new Set<string>();
  const found: string[] = [];
  for (const file of [...targets.keys()].sort()) {
    if (known.has(file)) continue;
    const way = findWayBack(file, targets);
    if (!way) continue;
    for (const member of way) known.add(member);
    found.push(`${file}: an import cycle: ${way.join(" → ")}`);
  }
  return found;
}
