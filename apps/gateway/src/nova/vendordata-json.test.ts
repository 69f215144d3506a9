import { describe, expect, test } from '@jest/globals';
import { renderDocument, renderPart } from './vendordata-json.ts';

const part = (name: string, json: string) => ({ name, json: Buffer.from(json) });

describe('the document of all targets', () => {
  test('is empty when no target was asked', () => {
    expect(renderDocument([]).toString()).toBe('{}');
  });

  test('holds every answer under its name, in order', () => {
    const document = renderDocument([part('b', '{"x": 1}'), part('a', '[1,2]'), part('9', 'null')]);
    expect(document.toString()).toBe('{"b": {"x": 1}, "a": [1,2], "9": null}');
  });

  test.each([
    ['an integer beyond doubles', '{"id": 12345678901234567890}'],
    ['a decimal zero', '{"ratio": 1.0}'],
    ['an exponent', '1e400'],
    ['a key given twice', '{"a": 1, "a": 2}'],
    ['escapes', '"\\u00e9\\/"'],
    ['white space', ' { "a" :\n1 } '],
    ['a key that is a trap for objects', '{"__proto__": {"x": 1}}'],
    ['text beyond ASCII', '{"k": "größe 😀"}'],
  ])('leaves %s as it was written', (_what, json) => {
    expect(renderDocument([part('t', json)]).toString()).toBe(`{"t": ${json}}`);
    expect(renderPart(Buffer.from(json)).toString()).toBe(json);
  });

  test.each(['__proto__', 'constructor', 'a "quoted" name', 'back\\slash', 'größe', 'line\nbreak'])(
    'takes %j for a name like any other',
    (name) => {
      const document: unknown = JSON.parse(renderDocument([part(name, '1')]).toString());
      expect(Object.entries(document as object)).toEqual([[name, 1]]);
    },
  );

  test('keeps no more memory than its own', () => {
    const document = renderDocument([part('t', '{}')]);
    expect(document.buffer.byteLength).toBe(document.length);
  });
});

test('a target that was not asked says {}', () => {
  expect(renderPart(undefined).toString()).toBe('{}');
});
