/**
 * A `deno lint` rule: a comment is no wider than a line of code, which `deno fmt` does not check. `deno lint
 * --fix` wraps it. Tables, code and words longer than a line stay as they are.
 * @module
 */

/** `fmt.lineWidth` of deno.json. */
export const WIDTH = 110;
/** Lines that start something new: list items, tags, table rows, fences. */
const BEGINS = /^(\s*([-*•]|\d+\.)\s|@|\||```|\s{4,})/;
/** Lines that a program reads, or that must not change. */
const FIXED = /^(deno-|@ts-|\s*\||\s*```|\s{4,})/;

/** Wraps one paragraph. Its first line keeps its indent; the others get the indent of its second line. */
function wrapParagraph(lines: string[], width: number): string[] {
  const isTooWide = lines.some((line) => line.length > width);
  if (!isTooWide || FIXED.test(lines[0]!)) return lines;
  const indentOf = (line: string) => /^\s*/.exec(line)![0];
  const item = /^\s*([-*•]|\d+\.)\s+/.exec(lines[0]!)?.[0];
  const hanging = lines[1] !== undefined ? indentOf(lines[1]) : " ".repeat(item?.length ?? 0);
  const filled = [indentOf(lines[0]!)];
  let empty = true;
  for (const word of lines.join(" ").split(/\s+/).filter((word) => word !== "")) {
    const last = filled.at(-1)!;
    if (!empty && last.length + 1 + word.length > width) filled.push(hanging + word);
    else filled[filled.length - 1] = empty ? last + word : `${last} ${word}`;
    empty = false;
  }
  return filled;
}

/** The lines of a comment, with the wide ones wrapped. */
export function wrapLines(lines: string[], width: number): string[] {
  const wrapped: string[] = [];
  let paragraph: string[] = [];
  let fenced = false;
  const end = () => {
    if (paragraph.length > 0) wrapped.push(...wrapParagraph(paragraph, width));
    paragraph = [];
  };
  for (const line of lines) {
    const isFence = /^\s*```/.test(line);
    if (isFence || fenced || line.trim() === "") {
      end();
      wrapped.push(line);
      if (isFence) fenced = !fenced;
      continue;
    }
    if (BEGINS.test(line)) end();
    paragraph.push(line);
  }
  end();
  return wrapped;
}

/**
 * Wraps the lines of a block comment.
 * @param text with its delimiters.
 * @param indent the text before it.
 */
export function wrapBlock(text: string, indent: string): string {
  const opening = text.startsWith("/**") ? "/**" : "/*";
  const body = text.slice(opening.length, -2).replace(/[\s*]*@module\s*$/, "\n@module")
    .replaceAll(/([.;]) (@(?:throws|returns|param|default)\b)/g, "$1\n$2").split("\n")
    .map((line, i) => (i === 0 ? line.trim() : line.replace(/^\s*\* ?/, "")).trimEnd());
  while (body[0]?.trim() === "") body.shift();
  while (body.at(-1)?.trim() === "") body.pop();
  const lines = wrapLines(body, WIDTH - indent.length - 3);
  return [opening, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`].join("\n");
}

/** Counts lines that are too wide and could be narrower: not table rows, directives or single long words. */
function countTooWide(text: string): number {
  return text.split("\n").filter((line) =>
    line.length > WIDTH && !/^\s*(\/\/|\*|\/\*\*)\s*(\||deno-|@ts-)/.test(line) &&
    line.split(/\s+/).every((word) => word.length < WIDTH - 20)
  ).length;
}

interface Comment {
  type: "Line" | "Block";
  value: string;
  range: [number, number];
}

/** Groups of line comments that stand alone on consecutive lines, and single block comments. */
function groupComments(
  comments: Comment[],
  source: string,
): { indent: string; range: [number, number]; type: string }[] {
  const groups: { indent: string; range: [number, number]; type: string }[] = [];
  for (const { type, range } of comments) {
    const indent = source.slice(source.lastIndexOf("\n", range[0] - 1) + 1, range[0]);
    if (indent.trim() !== "") continue;
    const last = groups.at(-1);
    const between = last && source.slice(last.range[1], range[0]);
    if (
      type === "Line" && last?.type === "Line" && between === `\n${last.indent}` && indent === last.indent
    ) {
      last.range = [last.range[0], range[1]];
    } else groups.push({ indent, range: [...range], type });
  }
  return groups;
}

const plugin: Deno.lint.Plugin = {
  name: "rune-comments",
  rules: {
    "width": {
      create(context) {
        return {
          Program() {
            const source = context.sourceCode.text;
            for (
              const { indent, range, type } of groupComments(context.sourceCode.getAllComments(), source)
            ) {
              const text = source.slice(...range);
              const tooWide = countTooWide(indent + text);
              if (tooWide === 0) continue;
              const wrapped = type === "Block" ? wrapBlock(text, indent) : wrapLines(
                text.split("\n").map((line) => line.trim().replace(/^\/\/ ?/, "")),
                WIDTH - indent.length - 3,
              ).map((line) => `// ${line}`.trimEnd()).join(`\n${indent}`);
              const mended = countTooWide(indent + wrapped) < tooWide;
              context.report({
                range,
                message: `a comment wider than ${WIDTH} columns`,
                hint: mended ? "deno lint --fix wraps it" : "write it narrower",
                ...(mended && { fix: (fixer: Deno.lint.Fixer) => fixer.replaceTextRange(range, wrapped) }),
              });
            }
          },
        };
      },
    },
  },
};

export default plugin;
