/**
 * Shows the progress of long work on standard error: redrawn lines on a terminal, one line per change
 * elsewhere.
 * @module
 */
import { plainText } from "../../base/plain_text.ts";
import { escape } from "./paint.ts";
import type { Terminal } from "./terminal.ts";

/** The lines of work in progress, each with a key that is printed before its text. */
export interface Progress {
  /** Reports the state of `key`. Repeating the same text has no effect. */
  update(key: string, text: string): void;
  /** Prints a message once, above the live lines. */
  note(text: string): void;
  /** Ends the progress and leaves the last lines in place. */
  end(): void;
}

/** Cuts a line to the terminal's width, so that it stays on one line. */
const cutToWidth = (text: string, columns: number) =>
  text.length < columns ? text : text.slice(0, Math.max(1, columns - 2)) + "…";

const oneLine = (text: string) => text.replace(/\s+/g, " ");

function liveProgress(terminal: Terminal): Progress {
  const lines = new Map<string, string>();
  let drawn = 0;
  const draw = (above = "") => {
    const { columns, rows } = terminal.size() ?? { columns: 100, rows: 25 };
    const shown = [...lines].slice(0, Math.max(1, rows - 2)).map(([key, text]) =>
      cutToWidth(plainText(`${key}: ${text}`), columns)
    );
    const up = drawn > 0 ? escape(`[${drawn}A`) : "";
    terminal.err(`${up}${escape("[1G")}${escape("[J")}${above}${shown.map((line) => line + "\n").join("")}`);
    drawn = shown.length;
  };
  return {
    update(key, text) {
      if (lines.get(key) === oneLine(text)) return;
      lines.set(key, oneLine(text));
      draw();
    },
    note: (text) => draw(`${text}\n`),
    end() {
      lines.clear();
      drawn = 0;
    },
  };
}

function lineProgress(terminal: Terminal): Progress {
  const last = new Map<string, string>();
  return {
    update(key, text) {
      if (last.get(key) === oneLine(text)) return;
      last.set(key, oneLine(text));
      terminal.err(`${key}: ${oneLine(text)}\n`);
    },
    note: (text) => terminal.err(`${text}\n`),
    end() {},
  };
}

/** Creates a progress display that suits the terminal. */
export function createProgress(terminal: Terminal): Progress {
  return terminal.stderrIsTerminal ? liveProgress(terminal) : lineProgress(terminal);
}
