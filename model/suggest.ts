/** "Did you mean": finds the nearest known word. @module */

/** Longer than any known word; the rest of a word is ignored. */
const MAX_WORD = 64;

/** Edits (insert, delete, replace, swap neighbours) from `a` to `b`. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      }
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** Short forms that people know from Kubernetes. */
const SHORT_FORMS = new Map([["RWO", "ReadWriteOnce"], ["ROX", "ReadOnlyMany"], ["RWX", "ReadWriteMany"]]);

/**
 * Finds the known word nearest to `word`, ignoring case.
 *
 * @returns undefined if none is near: more than a third of the letters differ.
 */
export function findNearest(word: string, known: readonly string[]): string | undefined {
  const long = SHORT_FORMS.get(word.slice(0, MAX_WORD).toUpperCase());
  if (long !== undefined && known.includes(long)) return long;
  const wanted = word.slice(0, MAX_WORD).toLowerCase();
  let best: { word: string; edits: number } | undefined;
  for (const candidate of known) {
    const edits = distance(wanted, candidate.toLowerCase());
    if (!best || edits < best.edits) best = { word: candidate, edits };
  }
  const allowed = Math.max(1, Math.floor(wanted.length / 3));
  return best && best.edits <= allowed ? best.word : undefined;
}

/** `did you mean "mountPath"?`; undefined if no word is near. */
export function makeSuggestion(word: string, known: readonly string[]): string | undefined {
  const near = findNearest(word, known);
  return near === undefined ? undefined : `did you mean "${near}"?`;
}

/** `did you mean "mountPath"?`, or the list of known words if none is near and the list is short. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const near = makeSuggestion(word, known);
  if (near !== undefined) return near;
  return known.length > 0 && known.length <= 24 ? `known here: ${known.join(", ")}` : undefined;
}
