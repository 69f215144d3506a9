import { forbidden, notFound, type HallmarkError } from '@hallmark/errors';
import { userRoles, type Caller } from '../caller.ts';
import type { Image } from '../image.ts';
import { DEFAULT_RULES, type ImageRule } from './default-rules.ts';
import { parseRule, RuleSyntaxError, type Check, type Credentials, type Target } from './rule-language.ts';

/** What an operator's file says: rule by name. */
export type RuleTexts = Readonly<Record<string, string>>;

/** Something wrong with a rule of an operator's file. */
export interface PolicyFault {
  readonly rule: string;
  readonly message: string;
}

/** What of an image its rules may ask about. `memberId` is the caller's project, if shared with it. */
export type ImageSubject = Pick<Image, 'id' | 'owner' | 'visibility'> & {
  readonly memberId?: string | undefined;
};

/** How deep rules may refer to rules; further down they go round. */
const DEEPEST = 32;

/** Who may do what: Glance's rules with an operator's in their place. */
export class Policy {
  readonly #checks: ReadonlyMap<string, Check>;

  private constructor(checks: ReadonlyMap<string, Check>) {
    this.#checks = checks;
  }

  /** The rules, or all faults of the operator's file. */
  static parse(overrides: RuleTexts): { policy: Policy; faults: readonly PolicyFault[] } {
    const checks = new Map<string, Check>();
    const faults: PolicyFault[] = [];
    const references: { rule: string; to: string }[] = [];
    for (const [rule, text] of Object.entries({ ...DEFAULT_RULES, ...overrides })) {
      try {
        const parsed = parseRule(text);
        checks.set(rule, parsed.check);
        references.push(...parsed.references.map((to) => ({ rule, to })));
      } catch (error) {
        if (!(error instanceof RuleSyntaxError)) throw error;
        faults.push({ rule, message: error.message });
      }
    }
    for (const { rule, to } of references) {
      if (!(to in DEFAULT_RULES) && !(to in overrides))
        faults.push({ rule, message: `refers to rule:${to}, which does not exist` });
    }
    return { policy: new Policy(checks), faults };
  }

  /** Whether a rule of any name exists. */
  has(rule: string): boolean {
    return this.#checks.has(rule);
  }

  /** Whether a rule allows it. One that nobody wrote is `default`, as in oslo.policy. */
  allows(rule: string, caller: Caller, target: Target): boolean {
    return this.#evaluate(rule, caller, target, { is_admin: this.isAdmin(caller) ? 'True' : 'False' });
  }

  isAdmin(caller: Caller): boolean {
    return this.#evaluate('context_is_admin', caller, {}, {});
  }

  /** Refuses an action that has nothing to do with one image. */
  require(rule: ImageRule, caller: Caller, target: Target = { project_id: caller.projectId }): void {
    if (!this.allows(rule, caller, target)) throw refusal(rule);
  }

  /** Refuses an action on an image: as missing where the caller may not see it. */
  requireOn(rule: ImageRule, caller: Caller, image: ImageSubject): void {
    if (this.allowsOn(rule, caller, image)) return;
    throw this.maySee(caller, image) ? refusal(rule) : imageUnknown(image.id);
  }

  allowsOn(rule: ImageRule, caller: Caller, image: ImageSubject): boolean {
    return this.allows(rule, caller, targetOf(image));
  }

  /** Whether an image exists for a caller: that it is theirs, or shared in some way, and the rule. */
  maySee(caller: Caller, image: ImageSubject): boolean {
    return this.#isShown(caller, image) && this.allowsOn('get_image', caller, image);
  }

  #evaluate(rule: string, caller: Caller, target: Target, more: Credentials): boolean {
    const roles = userRoles(caller);
    // A token without a project owns nothing, not even what has no owner.
    const project: Credentials =
      caller.projectId === '' ? {} : { project_id: caller.projectId, tenant: caller.projectId };
    const credentials: Credentials = { user_id: caller.userId, ...project, ...more };
    const follow = (name: string, depth: number): boolean => {
      const check = this.#checks.get(name) ?? this.#checks.get('default');
      if (!check || depth > DEEPEST) return false;
      return check({ roles, credentials, target, follow: (next) => follow(next, depth + 1) });
    };
    return follow(rule, 0);
  }

  #isShown(caller: Caller, { owner, visibility, memberId }: ImageSubject): boolean {
    if (owner === null || (owner !== '' && owner === caller.projectId)) return true;
    if (visibility === 'public' || visibility === 'community') return true;
    if (visibility === 'shared' && memberId !== undefined) return true;
    return this.isAdmin(caller);
  }
}

function targetOf({ id, owner, visibility, memberId }: ImageSubject): Target {
  return {
    image_id: id,
    project_id: owner,
    owner,
    tenant: owner,
    visibility,
    ...(memberId !== undefined && { member_id: memberId, member: memberId }),
  };
}

export function refusal(rule: string): HallmarkError {
  return forbidden('POLICY_REFUSED', `You are not authorized to complete ${rule} action.`);
}

export function imageUnknown(id: string): HallmarkError {
  return notFound('IMAGE_UNKNOWN', `No image found with ID ${id}`);
}
