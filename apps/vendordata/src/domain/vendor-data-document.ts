/** What `vendor_data2.json` can be made of: a file, and the answers of the targets. */
export type Provider = 'StaticJSON' | 'DynamicJSON';

/** The member of `vendor_data2.json` that holds the file. */
export const STATIC = 'static';

/**
 * Composes `vendor_data2.json` of what the providers say, in their order. `static` takes the place of
 * whatever has that name, and of other names that come twice the first counts. Texts are copied, never
 * parsed: no number is rounded, and no key of theirs is dropped.
 */
export function composeVendorData2(
  providers: readonly Provider[],
  staticJson: Uint8Array,
  parts: readonly { readonly name: string; readonly json: Uint8Array }[],
): Buffer {
  const members = new Map<string, Uint8Array>();
  for (const provider of providers) {
    if (provider === 'StaticJSON') members.set(STATIC, staticJson);
    else for (const { name, json } of parts) if (!members.has(name)) members.set(name, json);
  }
  const pieces = [...members].flatMap(([name, json], index) => [
    Buffer.from(`${index === 0 ? '' : ', '}${JSON.stringify(name)}: `),
    json,
  ]);
  return Buffer.concat([Buffer.from('{'), ...pieces, Buffer.from('}')]);
}
