// Combination expressions such as "Frame * (A, B)": how task parameters make up a parameter space.

/** A combination: one parameter, a product (rightmost fastest) or a zip of equally long operands. */
export type Combination =
  | { kind: "parameter"; name: string }
  | { kind: "product"; parts: Combination[] }
  | { kind: "zip"; parts: Combination[] };

const TOKEN = /[ ]*([A-Za-z_][A-Za-z0-9_]*|[*(),])[ ]*/y;
const MAX_DEPTH = 32;

/**
 * Parses a combination expression.
 * @throws Error with one plain sentence when it is malformed.
 */
export function parseCombination(text: string): Combination {
  const tokens = tokenize(text);
  let at = 0;
  const fail = (): never => {
    const found = tokens[at];
    throw new Error(
      found === undefined
        ? `The combination "${text}" ends too early. Write for example A * (B, C).`
        : `"${found}" does not fit into the combination "${text}". Write for example A * (B, C).`,
    );
  };
  const operand = (depth: number): Combination => {
    const token = tokens[at] ?? fail();
    if (token === "(") {
      if (depth > MAX_DEPTH) throw new Error(`The combination is nested deeper than ${MAX_DEPTH} levels.`);
      at += 1;
      const parts = [product(depth + 1)];
      while (tokens[at] === ",") {
        at += 1;
        parts.push(product(depth + 1));
      }
      if (tokens[at] !== ")") fail();
      at += 1;
      return { kind: "zip", parts };
    }
    if ("*,)".includes(token)) fail();
    at += 1;
    return { kind: "parameter", name: token };
  };
  const product = (depth: number): Combination => {
    const parts = [operand(depth)];
    while (tokens[at] === "*") {
      at += 1;
      parts.push(operand(depth));
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: "product", parts };
  };
  const result = product(0);
  if (at < tokens.length) fail();
  return result;
}

/** The names of all parameters of a combination, in order, repeated ones repeatedly. */
export function combinationNames(combination: Combination): string[] {
  return combination.kind === "parameter" ? [combination.name] : combination.parts.flatMap(combinationNames);
}

/** Tells whether a parameter stands anywhere inside brackets. */
export function isZipped(combination: Combination, name: string): boolean {
  if (combination.kind === "parameter") return false;
  if (combination.kind === "zip") return combinationNames(combination).includes(name);
  return combination.parts.some((part) => isZipped(part, name));
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) {
      throw new Error(
        `"${text.slice(at).trim().slice(0, 20)}" is not allowed in a combination. Use names, *, ( , and ).`,
      );
    }
    tokens.push(token);
  }
  return tokens;
}
