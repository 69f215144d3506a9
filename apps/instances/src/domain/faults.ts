import { invalid } from '@hallmark/errors';

const MAX_FAULTS_TOLD = 10;

/** Collects what is wrong with a request, so that its author hears all of it at once. */
export class Faults {
  readonly #faults: string[] = [];

  /** `what` follows the name of the field. It quotes no value: many are secrets. */
  add(field: string, what: string): void {
    this.#faults.push(`${field} ${what}`);
  }

  require(isGood: boolean, field: string, otherwise: string): void {
    if (!isGood) this.add(field, otherwise);
  }

  /** @throws HallmarkError `INSTANCE_INVALID` that names every field at fault. */
  throwIfAny(): void {
    const more = this.#faults.length - MAX_FAULTS_TOLD;
    if (this.#faults.length === 0) return;
    const told = this.#faults.slice(0, MAX_FAULTS_TOLD).join('; ');
    throw invalid('INSTANCE_INVALID', `${told}${more > 0 ? `; and ${more} more` : ''}.`);
  }
}
