import { expect, test } from '@jest/globals';
import { Bus, soleWorkerBus, type JsonValue } from './worker-bus.ts';

test('a bus delivers to the listeners of a topic until they end their subscription', () => {
  const bus = new Bus(() => undefined);
  const heard: [string, JsonValue][] = [];
  const end = bus.subscribe('purge', (message) => heard.push(['first', message]));
  bus.subscribe('purge', (message) => heard.push(['second', message]));
  bus.subscribe('else', (message) => heard.push(['else', message]));
  bus.deliver('purge', { target: 'cmdb' });
  end();
  bus.deliver('purge', null);
  bus.deliver('nobody', 1);
  expect(heard).toEqual([
    ['first', { target: 'cmdb' }],
    ['second', { target: 'cmdb' }],
    ['second', null],
  ]);
});

test('what a sole worker publishes reaches nobody, itself included', () => {
  const bus = soleWorkerBus();
  const heard: JsonValue[] = [];
  bus.subscribe('purge', (message) => heard.push(message));
  bus.publish('purge', 1);
  expect(heard).toEqual([]);
});
