import { invalid, type HallmarkError } from '@hallmark/errors';

/** Splits the list of an `in:` filter at its commas; those inside double quotes belong to a value. */
export function parseInList(text: string): string[] {
  const values: string[] = [];
  let value = '';
  let isQuoted = false;
  for (const [index, sign] of Array.from(text).entries()) {
    if (sign === '"') {
      requireComma(text, index, isQuoted);
      isQuoted = !isQuoted;
    } else if (sign === ',' && !isQuoted) {
      values.push(value);
      value = '';
    } else {
      value += sign;
    }
  }
  if (isQuoted) throw malformed(text, 'The quote is not closed.');
  return [...values, value];
}

function requireComma(text: string, index: number, isClosing: boolean): void {
  const signs = Array.from(text);
  const neighbour = isClosing ? signs[index + 1] : signs[index - 1];
  if (neighbour === undefined || neighbour === ',') return;
  throw malformed(
    text,
    `There is no comma ${isClosing ? 'after closing' : 'before opening'} quotation mark.`,
  );
}

const malformed = (text: string, why: string): HallmarkError =>
  invalid('QUERY_INVALID', `Invalid filter value ${text}. ${why}`);
