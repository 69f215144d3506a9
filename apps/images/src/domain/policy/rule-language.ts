/**
 * The rule language of oslo.policy, as far as rules about images use it: `role:`, `rule:`,
 * comparisons of the caller with the target, `and`, `or`, `not`, parentheses, `@` and `!`.
 */

/** What a rule may ask about the caller: `user_id`, `project_id`, `is_admin`, … */
export type Credentials = Readonly<Record<string, string>>;
/** What a rule may ask about the thing: `project_id`, `visibility`, `member_id`, … null is None. */
export type Target = Readonly<Record<string, string | null>>;

export interface RuleContext {
  readonly roles: ReadonlySet<string>;
  readonly credentials: Credentials;
  readonly target: Target;
  /** Whether another rule allows it; an unknown one does not. */
  readonly follow: (rule: string) => boolean;
}

export type Check = (context: RuleContext) => boolean;

/** A rule that cannot be understood. The message says what and where. */
export class RuleSyntaxError extends Error {
  override readonly name = 'RuleSyntaxError';
}

/** The names of the rules that a text refers to, for finding misspelt ones at the start. */
export interface ParsedRule {
  readonly check: Check;
  readonly references: readonly string[];
}

/** Understands one rule. The empty text allows everyone, as in oslo.policy. */
export function parseRule(text: string): ParsedRule {
  const parser = new RuleParser(tokensOf(text));
  return text.trim() === '' ? { check: () => true, references: [] } : parser.parse();
}

/** Words and parentheses; a quoted literal may hold blanks. */
function tokensOf(text: string): string[] {
  return text.match(/[()]|(?:'[^']*'|"[^"]*")?(?:%\([^)]*\)s|[^\s()])+/g) ?? [];
}

class RuleParser {
  readonly #tokens: readonly string[];
  readonly #references: string[] = [];
  #next = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  parse(): ParsedRule {
    const check = this.#or();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw new RuleSyntaxError(`"${rest}" is not expected there`);
    return { check, references: this.#references };
  }

  #or(): Check {
    const checks = [this.#and()];
    while (this.#take('or')) checks.push(this.#and());
    return (context) => checks.some((check) => check(context));
  }

  #and(): Check {
    const checks = [this.#not()];
    while (this.#take('and')) checks.push(this.#not());
    return (context) => checks.every((check) => check(context));
  }

  #not(): Check {
    if (!this.#take('not')) return this.#primary();
    const check = this.#not();
    return (context) => !check(context);
  }

  #primary(): Check {
    if (this.#take('(')) {
      const check = this.#or();
      if (!this.#take(')')) throw new RuleSyntaxError('a parenthesis is not closed');
      return check;
    }
    const token = this.#tokens[this.#next];
    if (token === undefined) throw new RuleSyntaxError('it ends where a check should stand');
    this.#next += 1;
    return this.#checkOf(token);
  }

  #checkOf(token: string): Check {
    if (token === '@') return () => true;
    if (token === '!') return () => false;
    const literal = /^'[^']*':|^"[^"]*":/.exec(token);
    const colon = literal ? literal[0].length - 1 : token.indexOf(':');
    if (colon < 0) throw new RuleSyntaxError(`"${token}" is no check, such as role:admin`);
    const match = token.slice(colon + 1);
    if (literal) return comparison(() => token.slice(1, colon - 1), match);
    const kind = token.slice(0, colon);
    switch (kind) {
      case 'role':
        return ({ roles, target }) => roles.has((expand(match, target) ?? '').toLowerCase());
      case 'rule':
        this.#references.push(match);
        return ({ follow }) => follow(match);
      case 'http':
      case 'https':
        throw new RuleSyntaxError(`"${kind}:" asks a server, which Hallmark does not do`);
      case 'None':
      case 'True':
      case 'False':
        return comparison(() => kind, match);
      default:
        return comparison(({ credentials }) => credentials[kind], match);
    }
  }

  #take(word: string): boolean {
    const token = this.#tokens[this.#next];
    const isWord = token === word || (/^[a-z]+$/.test(word) && token?.toLowerCase() === word);
    if (isWord) this.#next += 1;
    return isWord;
  }
}

function comparison(left: (context: RuleContext) => string | undefined, match: string): Check {
  return (context) => {
    const expected = expand(match, context.target);
    return expected !== undefined && left(context) === expected;
  };
}

/** Puts the target's attributes in; undefined when it has no such attribute, and no check passes then. */
function expand(match: string, target: Target): string | undefined {
  const names = [...match.matchAll(/%\(([^)]*)\)s/g)].map(([, name = '']) => name);
  if (!names.every((name) => Object.hasOwn(target, name))) return undefined;
  return match.replace(/%\(([^)]*)\)s/g, (_, name: string) => target[name] ?? 'None');
}
