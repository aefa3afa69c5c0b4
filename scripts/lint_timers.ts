/**
 * A rule of `deno lint`: a timer of JavaScript gets only a span that the file itself shows to be short
 * enough. One of more than 2^31-1 ms fires at once, so a number that comes from elsewhere (a user's duration)
 * goes through `base/delay.ts`.
 * @module
 */

/** The greatest span of a JavaScript timer. */
const MOST = 2 ** 31 - 1;
const TIMERS = ["setTimeout", "setInterval"];

type Node = Deno.lint.Node;
/** Top-level constants of a file, by name. */
type Constants = Map<string, Node>;

/** An upper bound of an expression; undefined if the file does not show one. */
function boundOf(node: Node | null | undefined, constants: Constants, depth = 0): number | undefined {
  if (!node || depth > 8) return undefined;
  const inner = (next: Node) => boundOf(next, constants, depth + 1);
  switch (node.type) {
    case "Literal":
      // The value of a number with separators is not its text.
      return typeof node.value === "number" ? Number(node.raw.replaceAll("_", "")) : undefined;
    case "Identifier":
      return inner(constants.get(node.name) as Node);
    case "BinaryExpression": {
      const [left, right] = [inner(node.left), inner(node.right)];
      if (left === undefined || right === undefined) return undefined;
      if (node.operator === "*") return left * right;
      if (node.operator === "+") return left + right;
      // Divisors and subtrahends are positive constants here, so the left side bounds the result.
      if (node.operator === "/") return left / right;
      if (node.operator === "**") return left ** right;
      return undefined;
    }
    case "ConditionalExpression": {
      const [yes, no] = [inner(node.consequent), inner(node.alternate)];
      return yes === undefined || no === undefined ? undefined : Math.max(yes, no);
    }
    case "MemberExpression": {
      const table = node.object.type === "Identifier" ? constants.get(node.object.name) : undefined;
      if (table?.type !== "ObjectExpression") return undefined;
      const values = table.properties.map((p) => p.type === "Property" ? inner(p.value) : undefined);
      return values.includes(undefined) ? undefined : Math.max(...values as number[]);
    }
    case "CallExpression": {
      const name = calleeOf(node);
      const bounds = node.arguments.map((argument) => inner(argument));
      const known = bounds.filter((bound) => bound !== undefined);
      if (name === "Math.min") return known.length === 0 ? undefined : Math.min(...known);
      if (name !== "Math.max" || known.length !== bounds.length) return undefined;
      return Math.max(...known);
    }
    default:
      return undefined;
  }
}

/** The callee as `name` or `object.name`. */
function calleeOf({ callee }: Deno.lint.CallExpression): string | undefined {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return undefined;
  return callee.object.type === "Identifier" ? `${callee.object.name}.${callee.property.name}` : undefined;
}

/** The argument with the span of a timer call; undefined for other calls, null if it is missing. */
function spanOf(node: Deno.lint.CallExpression, promised: ReadonlySet<string>): Node | null | undefined {
  const name = calleeOf(node)?.replace(/^(globalThis|window|self)\./, "");
  if (name === undefined) return undefined;
  if (promised.has(name) || name === "AbortSignal.timeout") return node.arguments[0] ?? null;
  return TIMERS.includes(name) ? node.arguments[1] ?? null : undefined;
}

const plugin: Deno.lint.Plugin = {
  name: "rune",
  rules: {
    "bounded-timers": {
      create(context) {
        if (/(^|\/)base\/delay\.ts$/.test(context.filename)) return {};
        const constants: Constants = new Map();
        /** Local names of the timers of `node:timers/promises`, whose span comes first. */
        const promised = new Set<string>();
        return {
          Program(program) {
            for (const statement of program.body) {
              const declared = statement.type === "ExportNamedDeclaration"
                ? statement.declaration
                : statement;
              if (
                declared?.type === "ImportDeclaration" && declared.source.value === "node:timers/promises"
              ) {
                for (const { local } of declared.specifiers) promised.add(local.name);
              }
              if (declared?.type !== "VariableDeclaration" || declared.kind !== "const") continue;
              for (const { id, init } of declared.declarations) {
                if (id.type === "Identifier" && init) constants.set(id.name, init);
              }
            }
          },
          CallExpression(node) {
            const span = spanOf(node, promised);
            if (span === undefined) return;
            // Without a span it fires at once, which is intended.
            if (span === null) return;
            const bound = boundOf(span, constants);
            if (bound !== undefined && bound >= 0 && bound <= MOST) return;
            context.report({
              node,
              message:
                "a timer of more than 2^31-1 ms fires at once, and nothing here shows that this is less",
              hint: "use startTimer, sleep, startDeadline or repeat of base/delay.ts",
            });
          },
        };
      },
    },
  },
};

export default plugin;
