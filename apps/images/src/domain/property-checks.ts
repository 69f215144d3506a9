import { forbidden, invalid } from '@hallmark/errors';
import { isInternal } from './image.ts';
import { LONGEST_VALUE_BYTES } from './inject-settings.ts';
import { RESERVED_NAMES } from './names.ts';

const LONGEST_NAME = 255;
const LARGEST_INTEGER = 2 ** 31 - 1;
const FOUR_BYTES = /[\u{10000}-\u{10FFFF}]/u;

/** The rules of every extra property, whoever sets it. */
export function requireProperty(name: string, value: string): void {
  if (Array.from(name).length > LONGEST_NAME) {
    throw invalid('PROPERTY_INVALID', 'Custom property should not be greater than 255 characters.');
  }
  if (FOUR_BYTES.test(name)) {
    throw invalid('PROPERTY_INVALID', "Property names can't contain 4 byte unicode.");
  }
  if (name.includes('\0')) throw invalid('PROPERTY_INVALID', "Property names can't contain NUL characters.");
  requirePlainText(name, value);
  if (Buffer.byteLength(value) > LONGEST_VALUE_BYTES) {
    throw invalid(
      'PROPERTY_INVALID',
      `The value of property ${name} is longer than ${LONGEST_VALUE_BYTES} bytes.`,
    );
  }
}

/** Names that are kept for the service, of today and of long ago. */
export function requireFreeName(name: string): void {
  if (isInternal(name) || RESERVED_NAMES.has(name)) {
    throw forbidden('NAME_RESERVED', `Attribute '${name}' is reserved.`);
  }
}

/** Text that every consumer of images can store. */
export function requirePlainText(name: string, value: string): void {
  if (value.includes('\0'))
    throw invalid('PROPERTY_INVALID', `${titleCase(name)} can't contain NUL characters.`);
  if (FOUR_BYTES.test(value)) {
    throw invalid('PROPERTY_INVALID', `${titleCase(name)} can't contain 4 byte unicode characters.`);
  }
}

/** `min_disk` and `min_ram`. */
export function requireMinimum(name: 'min_disk' | 'min_ram', value: number): void {
  if (value < 0) {
    throw invalid(
      'PROPERTY_INVALID',
      `Invalid value '${value}' for parameter '${name}': Cannot be a negative value`,
    );
  }
  if (value > LARGEST_INTEGER) {
    throw invalid('PROPERTY_INVALID', `'${name}' value out of range, must not exceed ${LARGEST_INTEGER}.`);
  }
}

/** As Python's str.title(): each run of letters begins with a capital. */
const titleCase = (name: string): string =>
  name.replace(/[a-z]+/gi, (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());
