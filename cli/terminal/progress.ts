/**
 * Shows long work: lines that are redrawn on a terminal, one line per change elsewhere. Always on standard
 * error.
 * @module
 */
import { plainText } from "../../base/plain_text.ts";
import { escape } from "./paint.ts";
import type { Terminal } from "./terminal.ts";

/** The lines of work in progress, each named by a key that is printed before its text. */
export interface Progress {
  /** Says where `key` has got to; the same text again says nothing. */
  update(key: string, text: string): void;
  /** Says something once, above the live lines. */
  note(text: string): void;
  /** Leaves what was shown in place; nothing is redrawn after it. */
  end(): void;
}

/** Cut to the width of the terminal, so that a line stays one line. */
const fit = (text: string, columns: number) =>
  text.length < columns ? text : text.slice(0, Math.max(1, columns - 2)) + "…";

const oneLine = (text: string) => text.replace(/\s+/g, " ");

function liveProgress(terminal: Terminal): Progress {
  const lines = new Map<string, string>();
  let drawn = 0;
  const draw = (above = "") => {
    const { columns, rows } = terminal.size() ?? { columns: 100, rows: 25 };
    const shown = [...lines].slice(0, Math.max(1, rows - 2)).map(([key, text]) =>
      fit(plainText(`${key}: ${text}`), columns)
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

/** Progress in the form that suits the terminal. */
export function createProgress(terminal: Terminal): Progress {
  return terminal.stderrIsTerminal ? liveProgress(terminal) : lineProgress(terminal);
}
