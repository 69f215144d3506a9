/** What an error can be told in. */
export type ErrorMedia = 'text' | 'html' | 'json';

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const PARAMETER = `${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?`;
const RANGE = new RegExp(`^(${TOKEN})/(${TOKEN})((?:[ \\t]*;[ \\t]*${PARAMETER})*)$`);
const PARAMETERS = new RegExp(`;[ \\t]*(${PARAMETER})`, 'g');
/** Pieces between commas, where a quoted string may hold a comma. */
const PIECES = new RegExp(`(?:${QUOTED}|[^,"])+|"`, 'g');
const QUALITY = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * In what a caller wants to read of an error, by its `Accept`, as WebOb chooses: HTML or JSON, whichever is
 * liked better and HTML on a tie; plain text for who likes neither or says nothing; HTML for a header that
 * cannot be read.
 */
export function errorMediaOf(accept: string | undefined): ErrorMedia {
  if (accept === undefined || accept === '') return 'text';
  if (accept === '*/*') return 'html';
  const ranges = rangesIn(accept);
  if (!ranges) return 'html';
  const html = qualityOf(ranges, 'text', 'html');
  const json = qualityOf(ranges, 'application', 'json');
  if (html === 0 && json === 0) return 'text';
  return json > html ? 'json' : 'html';
}

/** Undefined: this is no `Accept` (RFC 9110, 12.5.1). */
function rangesIn(accept: string): MediaRange[] | undefined {
  const ranges: MediaRange[] = [];
  for (const piece of accept.match(PIECES) ?? []) {
    const element = piece.trim();
    if (element === '') continue;
    const [, type, subtype, parameters = ''] = RANGE.exec(element) ?? [];
    if (type === undefined || subtype === undefined) return undefined;
    const names = [...parameters.matchAll(PARAMETERS)].map(([, parameter = '']) => parameter);
    const weightAt = names.findIndex((parameter) => /^q=/i.test(parameter));
    const weight = weightAt === -1 ? '1' : (names[weightAt]?.slice(2) ?? '');
    if (!QUALITY.test(weight)) return undefined;
    // A range with parameters before its weight means a variant that is not offered.
    if (weightAt > 0 || (weightAt === -1 && names.length > 0)) continue;
    ranges.push({ type: type.toLowerCase(), subtype: subtype.toLowerCase(), quality: Number(weight) });
  }
  return ranges;
}

/** The weight of the most specific range that this type is in. */
function qualityOf(ranges: readonly MediaRange[], type: string, subtype: string): number {
  const best = (wanted: (range: MediaRange) => boolean): number | undefined => {
    const qualities = ranges.filter(wanted).map(({ quality }) => quality);
    return qualities.length === 0 ? undefined : Math.max(...qualities);
  };
  return (
    best((range) => range.type === type && range.subtype === subtype) ??
    best((range) => range.type === type && range.subtype === '*') ??
    best((range) => range.type === '*' && range.subtype === '*') ??
    0
  );
}
