/** A `$` reference that cannot be replaced. The message names the reference, never a value. */
export class SubstitutionError extends Error {
  override readonly name = 'SubstitutionError';
}

// Letters, digits, `_` and dots: `$host.example.test` is one name, hence the form with braces.
const REFERENCE = /\$(?:(\$)|([_a-z][_.a-z0-9]*)|\{([_a-z][_.a-z0-9]*)\})/gi;

/**
 * Replaces `$name`, `${name}`, `$group.name` and `${group.name}`; `$$` and `\$` give a `$`. What does
 * not look like a reference (`$1`, a lone `$`) stays as it is.
 */
export function substitute(text: string, resolve: (reference: string) => string): string {
  return text
    .replaceAll('\\$', '$$$$')
    .replace(REFERENCE, (_whole, dollar?: string, bare?: string, braced?: string) =>
      dollar === undefined ? resolve(bare ?? braced ?? '') : '$',
    );
}
