/** The tables of documentation pages, for checks that compare them with the program. Pure. @module */

/**
 * The rows of the first table whose first column has this heading.
 *
 * @returns the cells of each row, without code marks around a whole cell; none if there is no such table.
 */
export function readTable(page: string, heading: string): string[][] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => cellsOf(line)[0] === heading);
  if (start < 0) return [];
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines.slice(start + 2, end < 0 ? undefined : end).map(cellsOf);
}

const cellsOf = (line: string): string[] =>
  line.split("|").slice(1, -1).map((cell) => cell.trim().replace(/^`([^`]*)`$/, "$1"));
