/**
 * A rule of `deno lint`: no function is named by a participle or an adjective alone. `told()` does not say
 * what it does; `describeEntry()` does. A function is a verb, with its object where the module does not make
 * that plain.
 * @module
 */

/** Participles and past tenses that do not end in `ed`. */
const IRREGULAR = new Set(
  `arisen ate awoken began begun bought bound broken brought built came caught chosen dealt done drawn driven drunk eaten
  fallen fed felt found forgotten fought froze frozen gave given gone got grew grown had heard held hidden kept knew known laid
  lain led left lent lost made meant met paid ran ridden risen rung said sank sat saw seen sent shaken shown shrunk slept sold
  sought spent spoke spoken sprung stood stolen stored struck stuck sung sunk swept sworn swung taken taught thought threw
  thrown told took torn understood went woken won worn wound wove woven written wrote`.split(/\s+/),
);

/** Adjectives, and words for places or times, which do not name an action. */
const ADJECTIVES = new Set(
  `absent alive alone available away back bare blank broken busy canonical dead deep dirty due eager early elsewhere everywhere
  everything existing fast fresh full generic half healthy hostile idle invalid late later least live many missing more most
  narrow nearest neat new newborn newest obedient occupied octal old oldest onward past pending plain positive possible
  printable raw ready real reborn recent safe same short silent slow small sooner stale steady strange sure there under unknown
  unproven unreachable unreadable unsafe unusable unused valid visible whole wide within worst wrong`.split(
    /\s+/,
  ),
);

/** Verbs that look like participles. */
const VERBS = new Set(
  `bleed breed embed exceed feed heed need proceed seed shed shred speed succeed weed bring cling fling ping ring sing sling
  spring sting string swing wing`.split(/\s+/),
);

/**
 * Whether a name describes a state rather than an action.
 * @param name as written in the code, with or without `#`.
 */
export function isParticiple(name: string): boolean {
  const word = name.replace(/^[#_]/, "");
  if (!/^[a-z]+$/.test(word) || VERBS.has(word)) return false;
  return IRREGULAR.has(word) || ADJECTIVES.has(word) || /(ed|ing)$/.test(word);
}

type Node = Deno.lint.Node;

/** The name in a key or a binding. */
function nameOf(node: Node | null | undefined): string | undefined {
  if (node?.type === "Identifier") return node.name;
  return node?.type === "PrivateIdentifier" ? `#${node.name}` : undefined;
}

const isFunction = (node: Node | null | undefined) =>
  node?.type === "ArrowFunctionExpression" || node?.type === "FunctionExpression";

const plugin: Deno.lint.Plugin = {
  name: "rune-names",
  rules: {
    "verbs": {
      create(context) {
        const check = (node: Node, name: string | undefined) => {
          if (name === undefined || !isParticiple(name)) return;
          context.report({
            node,
            message: `${name}() is named by a state, not by what it does`,
            hint: "a verb with its object: findNearest, isClosed, waitForEnd, makeEntry",
          });
        };
        return {
          FunctionDeclaration: (node) => check(node, nameOf(node.id)),
          VariableDeclarator(node) {
            if (isFunction(node.init)) check(node, nameOf(node.id as Node));
          },
          MethodDefinition(node) {
            if (node.kind === "method") check(node, nameOf(node.key as Node));
          },
          PropertyDefinition(node) {
            if (isFunction(node.value)) check(node, nameOf(node.key as Node));
          },
          TSMethodSignature(node) {
            if (node.kind === "method") check(node, nameOf(node.key as Node));
          },
          TSPropertySignature(node) {
            if (node.typeAnnotation?.typeAnnotation.type === "TSFunctionType") {
              check(node, nameOf(node.key as Node));
            }
          },
        };
      },
    },
  },
};

export default plugin;
