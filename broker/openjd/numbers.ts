// Numbers as their source text: reading, checking and comparing without ever losing a digit.

/** A number of a document together with the text it was written as. */
export class SourceNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toJSON(): number {
    return Number(this.text);
  }
}

const INTEGER = /^[+-]?\d{1,40}$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;

/** The text of a number of a document, or undefined when the value is no number. */
export function numberText(value: unknown): string | undefined {
  if (value instanceof SourceNumber) return value.text;
  if (typeof value === "bigint") return value.toString();
  return typeof value === "number" && Number.isFinite(value) ? String(value) : undefined;
}

/** Reads an integer, sign allowed; undefined for anything else, `1.0` and `1e3` included. */
export function parseInteger(text: string): bigint | undefined {
  return INTEGER.test(text) ? BigInt(text.startsWith("+") ? text.slice(1) : text) : undefined;
}

/** Tells whether an integer fits 64 signed bits. */
export function fitsInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

/** Tells whether a text is a finite decimal number. */
export function isDecimal(text: string): boolean {
  return text.length <= 400 && DECIMAL.test(text) && Number.isFinite(Number(text));
}

/** Compares two number texts exactly: negative, zero or positive. Both must satisfy {@link isDecimal}. */
export function compareNumbers(left: string, right: string): number {
  const a = scaled(left);
  const b = scaled(right);
  // Far apart exponents would make huge BigInts for nothing: floats already tell such numbers apart.
  if (Math.abs(a.exponent - b.exponent) > 400) return Math.sign(Number(left) - Number(right));
  const common = Math.min(a.exponent, b.exponent);
  const x = a.digits * 10n ** BigInt(a.exponent - common);
  const y = b.digits * 10n ** BigInt(b.exponent - common);
  return x < y ? -1 : x > y ? 1 : 0;
}

function scaled(text: string): { digits: bigint; exponent: number } {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = BigInt((whole + fraction).replace(/^0+(?=\d)/, "") || "0");
  return { digits: sign === "-" ? -digits : digits, exponent: Number(exponent) - fraction.length };
}
