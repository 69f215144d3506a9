import { describe, expect, test } from '@jest/globals';
import { explainPlacement, type Aggregate, type PlacementHost, type PlacementQuestion } from './placement.ts';

const TRAIT = 'CUSTOM_USER_IMAGES';

const host = (name: string, traits: string[] = [], more: Partial<PlacementHost> = {}): PlacementHost => ({
  name,
  traits: new Set(traits),
  supportedInstances: [{ architecture: 'x86_64', hypervisorType: 'qemu', vmMode: 'hvm' }],
  hypervisorVersion: '6.2.0',
  ...more,
});
const aggregate = (name: string, hosts: string[], metadata: Record<string, string>): Aggregate => ({
  name,
  hosts: new Set(hosts),
  metadata: new Map(Object.entries(metadata)),
});
const question = (
  properties: Record<string, string>,
  more: Partial<PlacementQuestion> = {},
): PlacementQuestion => ({
  properties: new Map(Object.entries(properties)),
  injected: new Set(),
  uploadsAreInjected: false,
  extraSpecs: new Map(),
  hosts: [host('user1', [TRAIT]), host('ops1')],
  aggregates: [],
  switches: {
    isolatedAggregates: false,
    propertiesIsolation: false,
    isolationNamespace: '',
    isolationSeparator: '.',
    defaultArchitecture: '',
  },
  ...more,
});
const possible = (asked: PlacementQuestion): string =>
  explainPlacement(asked)
    .hosts.filter((verdict) => verdict.possible)
    .map((verdict) => verdict.host)
    .join(' ');
const reasons = (asked: PlacementQuestion, name: string): string[] =>
  explainPlacement(asked)
    .hosts.filter((verdict) => verdict.host === name)
    .flatMap((verdict) => verdict.reasons.map(({ rule, message }) => `${rule}: ${message}`));

describe("The use case: users' images on users' hosts only, operator's images on the others", () => {
  const switches = { ...question({}).switches, isolatedAggregates: true };
  const aggregates = [aggregate('users', ['user1'], { [`trait:${TRAIT}`]: 'required' })];

  test('a marked image', () => {
    const asked = question(
      { [`trait:${TRAIT}`]: 'required' },
      { switches, aggregates, injected: new Set([`trait:${TRAIT}`]) },
    );
    expect(possible(asked)).toBe('user1');
    expect(reasons(asked, 'ops1')).toEqual([
      `TRAIT_MISSING: It lacks the trait ${TRAIT}, which the image requires.`,
    ]);
    expect(explainPlacement(asked).remarks.map(({ rule }) => rule)).toEqual(['PROPERTY_INJECTED']);
  });

  test('an image without the mark', () => {
    const asked = question({}, { switches, aggregates });
    expect(possible(asked)).toBe('ops1');
    expect(reasons(asked, 'user1')).toEqual([
      `AGGREGATE_ISOLATED: Its aggregate users has trait:${TRAIT}=required, and neither image nor flavor requires that trait.`,
    ]);
  });

  test('without the switch, an unmarked image lands anywhere', () => {
    expect(possible(question({}, { aggregates }))).toBe('user1 ops1');
  });
});

describe('Rules', () => {
  const isolation = { ...question({}).switches, propertiesIsolation: true };

  test.each<[what: string, asked: PlacementQuestion, hosts: string]>([
    ['a trait with another value', question({ [`trait:${TRAIT}`]: 'yes' }), 'user1 ops1'],
    [
      'a trait that the flavor forbids',
      question({}, { extraSpecs: new Map([[`trait:${TRAIT}`, 'forbidden']]) }),
      'ops1',
    ],
    [
      'a trait that the flavor requires',
      question({}, { extraSpecs: new Map([[`trait:${TRAIT}`, 'required']]) }),
      'user1',
    ],
    ['an architecture that no host has', question({ hw_architecture: 'aarch64' }), ''],
    ['by its old name', question({ architecture: 'aarch64' }), ''],
    [
      'the name of today wins',
      question({ architecture: 'aarch64', hw_architecture: 'x86_64' }),
      'user1 ops1',
    ],
    ['a hypervisor that is new enough', question({ hypervisor_version_requires: '>=6.0,<7' }), 'user1 ops1'],
    ['a hypervisor that is not', question({ img_hv_requested_version: '>6.2' }), ''],
    [
      'an aggregate with another value',
      question(
        { os_distro: 'debian' },
        { switches: isolation, aggregates: [aggregate('win', ['ops1'], { os_distro: 'windows, rhel' })] },
      ),
      'user1',
    ],
    [
      'one of several values',
      question(
        { os_distro: 'rhel' },
        { switches: isolation, aggregates: [aggregate('win', ['ops1'], { os_distro: 'windows, rhel' })] },
      ),
      'user1 ops1',
    ],
    [
      'several aggregates together',
      question(
        { os_distro: 'debian' },
        {
          switches: isolation,
          aggregates: [
            aggregate('a', ['ops1'], { os_distro: 'windows' }),
            aggregate('b', ['ops1'], { os_distro: 'debian' }),
          ],
        },
      ),
      'user1 ops1',
    ],
    [
      'booleans as Python writes them',
      question(
        { os_require_quiesce: 'yes' },
        { switches: isolation, aggregates: [aggregate('q', ['ops1'], { os_require_quiesce: 'True' })] },
      ),
      'user1 ops1',
    ],
    [
      'without the filter',
      question(
        { os_distro: 'debian' },
        { aggregates: [aggregate('win', ['ops1'], { os_distro: 'windows' })] },
      ),
      'user1 ops1',
    ],
  ])('%s', (_, asked, hosts) => {
    expect(possible(asked)).toBe(hosts);
  });

  test('what restricts nothing is said', () => {
    const aggregates = [aggregate('a', ['ops1'], { team: 'blue', os_distro: 'debian' })];
    expect(reasons(question({ team: 'red' }, { switches: isolation, aggregates }), 'ops1')).toEqual([
      'PROPERTY_IGNORED: team=blue of aggregate a restricts nothing: Nova does not know this image property.',
      'PROPERTY_LACKING: The image lacks os_distro, so os_distro=debian of aggregate a does not restrict it.',
    ]);
  });
});
