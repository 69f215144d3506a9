/** The member of `vendor_data2.json` that cloud-init reads; it searches no deeper. */
export const CLOUD_INIT = 'cloud-init';

export interface CloudInitComposition {
  /** A JSON array of strings, each a part for cloud-init; `[]` when there is none. */
  readonly json: Buffer;
  readonly isEmpty: boolean;
  /** Contributions that cloud-init could not take, with what they are instead. */
  readonly dropped: readonly { target: string; found: string }[];
}

/**
 * Combines what all targets have for cloud-init into the one array it takes, in configured order.
 *
 * A target named `cloud-init` gives its whole answer, any other the member `cloud-init` of its
 * answer. A string is a part and an array is its strings; null and emptiness give nothing.
 * Anything else is dropped, because cloud-init would then reject the parts of all the others.
 */
export function composeCloudInit(
  answers: readonly { readonly target: string; readonly json: Buffer }[],
): CloudInitComposition {
  const parts: string[] = [];
  const dropped: { target: string; found: string }[] = [];
  for (const { target, json } of answers) {
    const given = contributionOf(target, json);
    const pieces: readonly unknown[] = Array.isArray(given) ? given : [given];
    for (const piece of pieces) {
      if (typeof piece === 'string') {
        if (piece !== '') parts.push(piece);
      } else if (!isNothing(piece)) {
        dropped.push({ target, found: kindOf(piece) });
      }
    }
  }
  return { json: Buffer.from(JSON.stringify(parts)), isEmpty: parts.length === 0, dropped };
}

function contributionOf(target: string, json: Buffer): unknown {
  const answer: unknown = JSON.parse(json.toString());
  if (target === CLOUD_INIT) return answer;
  return isObject(answer) && Object.hasOwn(answer, CLOUD_INIT) ? answer[CLOUD_INIT] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `{}` is also how a target that failed or had nothing to say shows here. */
function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array inside the array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
