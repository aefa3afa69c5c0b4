/**
 * Parses the JUnit report of `deno test`: how many tests passed and failed, and which were skipped.
 * @module
 */

/** The result of one run. */
export interface TestReport {
  passed: number;
  failed: number;
  /** `file: name` of each skipped test or step. */
  skipped: string[];
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : parseInt(hex, 16));
  });
}

/**
 * Files whose tests need something that is no part of the project, and that no package has: DigitalOcean's
 * own description of its API.
 */
const MAY_SKIP = ["./tests/fakes/digitalocean/description_test.ts"];

/** The skipped tests that every machine with the project's packages could have run. */
export const findForbiddenSkips = ({ skipped }: TestReport): string[] =>
  skipped.filter((test) => !MAY_SKIP.some((file) => test.startsWith(`${file}: `)));

/** Counts tests as `deno test` does: steps belong to their test, but skipped steps are named separately. */
export function parseReport(xml: string): TestReport {
  const report: TestReport = { passed: 0, failed: 0, skipped: [] };
  for (const [, body] of xml.matchAll(/<testsuite [^>]*>([^]*?)<\/testsuite>/g)) {
    const tests = new Set<string>();
    for (const [, attributes, content] of body!.matchAll(/<testcase ([^>]*)>([^]*?)<\/testcase>/g)) {
      const name = unescape(/\bname="([^"]*)"/.exec(attributes!)?.[1] ?? "");
      const file = unescape(/\bclassname="([^"]*)"/.exec(attributes!)?.[1] ?? "");
      const parents = name.split(" > ").slice(0, -1).map((_, i, all) => all.slice(0, i + 1).join(" > "));
      const isStep = parents.some((parent) => tests.has(parent));
      if (!isStep) tests.add(name);
      if (content!.includes("<skipped")) report.skipped.push(`${file}: ${name}`);
      else if (isStep) continue;
      else if (/<(failure|error)\b/.test(content!)) report.failed++;
      else report.passed++;
    }
  }
  return report;
}
