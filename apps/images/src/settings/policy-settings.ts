import type { Config, ConfigFault } from '@hallmark/runtime';
import { LineCounter, parseDocument, isMap, isScalar } from 'yaml';
import { Policy, type RuleTexts } from '../domain/policy/policy.ts';
import { besideGlance, faultAt, pathOf, readText } from './files.ts';

/** The rules of who may do what, with those of `[oslo_policy] policy_file` in the place of the defaults. */
export function readPolicy(config: Config, faults: ConfigFault[]): Policy {
  const path = policyPath(config);
  if (path === undefined) return Policy.parse({}).policy;
  const read = readText(path);
  if ('fault' in read) {
    faults.push(config.fault('oslo_policy', 'policy_file', `${path} ${read.fault}`));
    return Policy.parse({}).policy;
  }
  const { rules, lines, faults: unread } = readRules(read.text);
  const { policy, faults: wrong } = Policy.parse(rules);
  faults.push(
    ...unread.map(({ line, message }) => faultAt(`${path}:${line}`, message)),
    ...wrong.map(({ rule, message }) => faultAt(`${path}:${lines.get(rule) ?? 1}`, `${rule}: ${message}`)),
  );
  return policy;
}

function policyPath(config: Config): string | undefined {
  const { policy_file: written } = config.oslo_policy;
  if (config.where('oslo_policy', 'policy_file') === 'default') return besideGlance(config, written);
  return written === '' ? undefined : pathOf(config, 'oslo_policy', 'policy_file', written);
}

interface RulesRead {
  readonly rules: RuleTexts;
  readonly lines: ReadonlyMap<string, number>;
  readonly faults: readonly { readonly line: number; readonly message: string }[];
}

/** A map of rule to text, in YAML, of which JSON is a part. */
function readRules(text: string): RulesRead {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const rules: Record<string, string> = {};
  const lines = new Map<string, number>();
  const faults = document.errors.map(({ message, pos: [start] }) => ({
    line: counter.linePos(start).line,
    message: message.split('\n')[0] ?? message,
  }));
  const { contents } = document;
  if (faults.length > 0 || contents === null) return { rules, lines, faults };
  if (!isMap(contents)) return { rules, lines, faults: [{ line: 1, message: 'is no map of rules' }] };
  for (const { key, value } of contents.items) {
    if (!isScalar(key)) continue;
    const rule = String(key.value);
    const line = counter.linePos(key.range[0]).line;
    lines.set(rule, line);
    if (isScalar(value) && typeof value.value === 'string') rules[rule] = value.value;
    else faults.push({ line, message: `${rule}: is no text, such as "role:admin"` });
  }
  return { rules, lines, faults };
}
