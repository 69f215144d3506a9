/** JSON in UTF-8, good to be forwarded as it is; or what is wrong with it, without quoting it. */
export type JsonText = { json: Buffer } | { fault: string };

/** Python's reader, which Nova and cloud-init use, gives up near 1,000; part of that is theirs. */
const MAX_DEPTH = 500;
/** Python refuses to make an integer of more digits than this. */
const MAX_DIGITS = 4300;
const EMPTY_OBJECT = Buffer.from('{}');

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Decides whether a target's answer is JSON that every reader behind us can read. Nothing is
 * rewritten: no number is rounded and no duplicate key lost. Only another charset than UTF-8 is
 * converted. No text at all counts as `{}`, as with Nova.
 */
export function readJsonText(bytes: Buffer, charset: string | undefined): JsonText {
  if (bytes.length === 0) return { json: EMPTY_OBJECT };
  const decoder = decoderFor(charset);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { fault: `is not valid ${decoder.encoding}` };
  }
  try {
    JSON.parse(text);
  } catch {
    return { fault: 'is not JSON' };
  }
  const json = decoder.encoding === 'utf-8' ? bytes : Buffer.from(text);
  const fault = unreadable(json);
  return fault === undefined ? { json } : { fault };
}

function decoderFor(charset: string | undefined): InstanceType<typeof TextDecoder> {
  const label = charset?.toLowerCase() ?? 'utf-8';
  try {
    const decoder = new TextDecoder(label, { fatal: true });
    // A byte order mark before UTF-8 is not JSON, for Nova neither.
    return decoder.encoding === 'utf-8'
      ? new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
      : decoder;
  } catch {
    // Nova's HTTP library falls back as well when it does not know the name.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  }
}

/** What would make Python's reader fail on valid JSON, and so hide the answers of all targets. */
function unreadable(json: Buffer): string | undefined {
  let depth = 0;
  let digits = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = endOfString(json, at);
      digits = 0;
    } else if (isDigit(byte)) {
      digits += 1;
      if (digits > MAX_DIGITS) return `holds a number of more than ${MAX_DIGITS} digits`;
    } else {
      digits = 0;
      if (byte === 0x5b || byte === 0x7b) {
        depth += 1;
        if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
      } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    }
  }
  return undefined;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** Index of the closing quote. */
function endOfString(json: Buffer, start: number): number {
  for (let quote = json.indexOf(QUOTE, start + 1); quote !== -1; quote = json.indexOf(QUOTE, quote + 1)) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return json.length;
}
