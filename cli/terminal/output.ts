/** Output formats: tables, a single resource as `KEY: value` lines, JSON, YAML, names. @module */
import { isPlain, UNSAFE_LETTER } from "../../base/plain_text.ts";
import { type Paint, styleOfState } from "./paint.ts";

/** A column of a table. */
export interface Column<R, C> {
  header: string;
  cell(resource: R, context: C): string;
  /** Whether it is shown only with `-o wide` and in the view of a single resource. */
  wide?: true;
  /** Whether it is coloured by the state that it shows. */
  state?: true;
}

const LINE_BREAKERS = new RegExp(`(?:[\\n\\t]|${UNSAFE_LETTER})+`, "g");

/** A value on a single line. Other people wrote it. */
const toOneLine = (text: string) => text.replace(LINE_BREAKERS, " ");

const GAP = "   ";

const ASCII = /^[ -~]*$/;

/**
 * Makes a function that says how many columns a text takes. Loads what knows other letters only for these: it
 * takes longer than everything else that a table needs.
 */
async function measureWidths(texts: string[]): Promise<(text: string) => number> {
  if (texts.every((text) => ASCII.test(text))) return (text) => text.length;
  return (await import("string-width")).default;
}

/** A row of a table: texts, with the style of each. */
interface Cell {
  text: string;
  state: boolean;
}

/** Prints rows under headers. Later rows keep the widths of earlier ones. */
export class Table<R, C> {
  #columns: Column<R, C>[];
  #widths: number[];
  #paint: Paint;
  #wantsHeader: boolean;

  /** @param options.headers print a header line before the first row. */
  constructor(columns: Column<R, C>[], options: { paint: Paint; wide: boolean; headers: boolean }) {
    this.#columns = columns.filter((column) => options.wide || !column.wide);
    this.#widths = this.#columns.map((column) => options.headers ? column.header.length : 0);
    this.#paint = options.paint;
    this.#wantsHeader = options.headers;
  }

  /** The lines of some rows. @param options.state replaces the text of state columns. */
  async render(resources: R[], context: C, options: { state?: string } = {}): Promise<string> {
    const rows = resources.map((resource) =>
      this.#columns.map((column): Cell => ({
        text: toOneLine(
          column.state && options.state !== undefined ? options.state : column.cell(resource, context),
        ),
        state: column.state === true,
      }))
    );
    const widthOf = await measureWidths(rows.flat().map(({ text }) => text));
    for (const row of rows) {
      row.forEach((cell, i) => this.#widths[i] = Math.max(this.#widths[i]!, widthOf(cell.text)));
    }
    if (this.#wantsHeader) {
      rows.unshift(this.#columns.map(({ header }) => ({ text: header, state: false })));
      this.#wantsHeader = false;
    }
    return rows.map((row) => this.#line(row, widthOf)).join("");
  }

  #line(row: Cell[], widthOf: (text: string) => number): string {
    const cells = row.map(({ text, state }, i) => {
      const padded = i === row.length - 1 ? text : text + " ".repeat(this.#widths[i]! - widthOf(text));
      return state ? this.#paint(styleOfState(text), padded) : padded;
    });
    return cells.join(GAP).trimEnd() + "\n";
  }
}

/** One resource as `KEY: value` lines, wide columns included. */
export function renderBlock<R, C>(
  columns: Column<R, C>[],
  resource: R,
  options: { context: C; paint: Paint },
): string {
  return columns.map((column) => {
    const text = toOneLine(column.cell(resource, options.context));
    return `${column.header}: ${column.state ? options.paint(styleOfState(text), text) : text}\n`;
  }).join("");
}

/** A value as indented JSON. */
export function renderJson(value: unknown): string {
  return JSON.stringify(value, null, 2) + "\n";
}

/** A value as YAML. */
export async function renderYaml(value: unknown): Promise<string> {
  const { Document, Scalar, visit } = await import("yaml");
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    // Escapes have a meaning only inside quotes.
    Scalar(_, node) {
      if (typeof node.value === "string" && !isPlain(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0 });
}
