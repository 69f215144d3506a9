/**
 * The members of an object, as they are written: a guest gets `network_data` with the user's own numbers,
 * and metadata in the user's order. `JSON.parse` would round the ones, and move names such as `1` to the
 * front. Of a name that comes twice, the place of the first and the value of the last hold.
 *
 * @param json the valid JSON text of an object
 */
export function membersOf(json: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = afterBlanks(json, 0) + 1;
  for (;;) {
    at = afterBlanks(json, at);
    if (json[at] === '}') return members;
    if (json[at] === ',') at = afterBlanks(json, at + 1);
    const nameEnd = afterString(json, at);
    const name = JSON.parse(json.slice(at, nameEnd)) as string;
    const valueAt = afterBlanks(json, afterBlanks(json, nameEnd) + 1);
    at = afterValue(json, valueAt);
    members.set(name, json.slice(valueAt, at));
  }
}

/** The members of an object whose values are strings, in their order. */
export const stringsOf = (json: string): [name: string, value: string][] =>
  [...membersOf(json)].map(([name, text]) => [name, JSON.parse(text) as string]);

/** An object of members that are JSON texts already, in this order. */
export const objectText = (members: Iterable<readonly [name: string, text: string]>): string =>
  `{${Array.from(members, ([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;

const BLANKS = /[ \t\r\n]*/y;
/** A number, or a word such as `true`. */
const PLAIN = /[^\s,\]}]*/y;

const afterBlanks = (json: string, at: number): number => after(BLANKS, json, at);

function after(pattern: RegExp, json: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(json);
  return pattern.lastIndex;
}

/** Not a pattern: one with alternatives would need stack for every character of a long string. */
function afterString(json: string, at: number): number {
  let end = at + 1;
  while (json[end] !== '"') end += json[end] === '\\' ? 2 : 1;
  return end + 1;
}

function afterValue(json: string, at: number): number {
  let depth = 0;
  let end = at;
  do {
    const first = json[end];
    if (first === '"') end = afterString(json, end);
    else if (first === '{' || first === '[') {
      depth += 1;
      end += 1;
    } else if (first === '}' || first === ']') {
      depth -= 1;
      end += 1;
    } else if (depth > 0 && (first === ',' || first === ':')) end += 1;
    else end = after(PLAIN, json, end);
    if (depth > 0) end = afterBlanks(json, end);
  } while (depth > 0);
  return end;
}
