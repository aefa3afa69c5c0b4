/** Lines of logs, where long ones come in parts. @module */

/** Part of a line, or all of it. */
interface Part {
  stream: "stdout" | "stderr";
  continues?: true;
}

/**
 * Which entries begin a line: a long line comes in parts, and those of the other stream may stand between
 * them.
 */
export function lineStarts(): (entry: Part) => boolean {
  const open = new Set<Part["stream"]>();
  return ({ stream, continues }) => {
    const starts = !open.has(stream);
    if (continues) open.add(stream);
    else open.delete(stream);
    return starts;
  };
}

/** Which entries remain when the first `count` lines are left out. */
export function afterLines(count: number): (entry: Part) => boolean {
  const starts = lineStarts();
  const dropped = new Set<Part["stream"]>();
  let begun = 0;
  return (entry) => {
    if (starts(entry)) {
      if (begun++ < count) dropped.add(entry.stream);
      else dropped.delete(entry.stream);
    }
    return !dropped.has(entry.stream);
  };
}
