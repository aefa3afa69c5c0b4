/**
 * A rule of `deno lint`: a name that joins values by a dash is made, and read, in the one file that owns its
 * grammar. `data-web-0` made by hand in a second place does not find the volumes of the first: mounts and
 * services may hold dashes and digits themselves. See docs/decisions/0055.
 * @module
 */

/** The rooms that know such names; tests and fixtures write them down as users do. */
const ROOMS = /^(base|model|store|node|reconcile|server|cli)\//;
const NOT_PRODUCT = /_test\.ts$|_fixture\.ts$|\/testing\//;

/** Files that own a grammar with a dash, and what it is. */
const OWNERS = [
  // Claimed volumes, `data-web-0`.
  "model/claim_names.ts",
  // Instances, `web-0`.
  "model/instance_name.ts",
  // Volumes for what an image declares.
  "model/image_volume.ts",
  // Snapshots of a policy.
  "model/snapshot_name.ts",
  // Directories of a run.
  "node/run_files.ts",
  // Dates.
  "server/backup/retention.ts",
  // Ranges of processors, as the kernel lists them.
  "server/admission/capacity.ts",
  // Words of flags.
  "cli/terminal/misuse.ts",
];

const ROOT = new URL("..", import.meta.url).pathname;

type Node = Deno.lint.Node;
/** A part of a text: what the source writes down, or a value that it does not show. */
type Part = { text: string } | "value";

/** The parts of a text that an expression makes; undefined for what is no text, or does not show it. */
function partsOf(node: Node): Part[] {
  if (node.type === "Literal" && typeof node.value === "string") return [{ text: node.value }];
  if (node.type === "TemplateLiteral") {
    return node.quasis.flatMap(({ cooked }, i): Part[] => {
      const text: Part[] = cooked ? [{ text: cooked }] : [];
      return i < node.expressions.length ? [...text, ...partsOf(node.expressions[i] as Node)] : text;
    });
  }
  if (node.type === "BinaryExpression" && node.operator === "+") {
    return [...partsOf(node.left as Node), ...partsOf(node.right)];
  }
  return ["value"];
}

/** Whether a text joins a value by a dash alone to another one, or to what is added to it later. */
function joinsByDash(parts: Part[]): boolean {
  const whole: Part[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (part === "value" || last === undefined || last === "value") whole.push(part);
    else whole[whole.length - 1] = { text: last.text + part.text };
  }
  return whole.length > 1 && whole.some((part, i) => {
    if (part === "value") return false;
    const pattern = whole[i - 1] === "value" && part.text.startsWith("-<n>");
    return pattern || part.text === "-";
  });
}

/** Methods that join or part a text by the text that they are given. */
const METHODS = ["join", "concat", "split", "lastIndexOf", "indexOf"];

const isDash = (node: Node | undefined) => node?.type === "Literal" && node.value === "-";

/** A pattern that takes a number off behind a dash; what has a digit before the dash is a date. */
const READS_ORDINAL = /(?<!\\d|[\d}])-\(?(\?<\w+>|\?:)?(0\||\\d|\[[01]-9\])/;

const plugin: Deno.lint.Plugin = {
  name: "rune-joined-names",
  rules: {
    "owner": {
      create(context) {
        const path = context.filename.replace(ROOT, "");
        if (!ROOMS.test(path) || NOT_PRODUCT.test(path) || OWNERS.includes(path)) return {};
        const report = (node: Node) =>
          context.report({
            node,
            message: "a name that is joined by dashes, made or read by hand",
            hint:
              "use claimedVolumeName(), claimedOrdinal() or instanceName(); a new grammar gets an owner in " +
              "scripts/lint_joined_names.ts",
          });
        const isInner = ({ parent }: { parent?: Node }) =>
          parent?.type === "TemplateLiteral" ||
          (parent?.type === "BinaryExpression" && parent.operator === "+");
        const check = (node: Deno.lint.TemplateLiteral | Deno.lint.BinaryExpression) => {
          if (!isInner(node) && joinsByDash(partsOf(node))) report(node);
        };
        return {
          TemplateLiteral: check,
          BinaryExpression: check,
          CallExpression(node) {
            if (node.callee.type !== "MemberExpression" || node.callee.property.type !== "Identifier") return;
            if (METHODS.includes(node.callee.property.name) && node.arguments.some(isDash)) report(node);
          },
          Literal(node) {
            if (node.raw.startsWith("/") && READS_ORDINAL.test(node.raw)) report(node);
          },
        };
      },
    },
  },
};

export default plugin;
