import { expect, test } from '@jest/globals';
import { describeMarks, wordsOf } from './image-report.ts';

const image = { id: '1', status: 'active', origin: 'self-service', own: 'x' };

test('shows the marks of an image, and none of its own properties', () => {
  expect(describeMarks(image, { origin: 'self-service' })).toBe('   { "origin": "self-service" }');
  expect(describeMarks(image, { support: 'none' })).toBe('   none of the marks');
});

test('takes the words out of an error page', () => {
  const page = `<html>
 <head>
  <title>403 Forbidden</title>
 </head>
 <body>
  <h1>403 Forbidden</h1>
  Attribute &#x27;a&#x27; is reserved.<br /><br />

 </body>
</html>`;
  expect(wordsOf(page)).toBe("Attribute 'a' is reserved.");
  expect(wordsOf('plain')).toBe('plain');
});
