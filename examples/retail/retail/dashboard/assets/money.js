// Money as the API tells it: decimal text with up to four places. It is never made a float.

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
const PLACES = 4;

/** Show money exactly: thousands apart, at least two places, and no more than it has. */
export function money(text) {
  const [, sign, whole, places = ""] = parts(text);
  const shown = places.replace(/0+$/, "").padEnd(2, "0");
  return `${sign ? "\u2212" : ""}${grouped(whole)}.${shown}`;
}

/** Show a whole number with thousands apart. */
export function count(number) {
  const text = String(number);
  return text.startsWith("-") ? `\u2212${grouped(text.slice(1))}` : grouped(text);
}

/** Return money in its smallest unit, exactly, to compare it. */
export function smallest(text) {
  const [, sign, whole, places = ""] = parts(text);
  const found = BigInt(whole + places.padEnd(PLACES, "0"));
  return sign ? -found : found;
}

function parts(text) {
  const found = DECIMAL.exec(text);
  if (!found) throw new Error(`expected money as decimal text, found ${text}`);
  return found;
}

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+$)/g, "\u202f");
}
