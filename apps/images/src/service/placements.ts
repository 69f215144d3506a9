import type { Caller } from '../domain/caller.ts';
import { explainPlacement, type Explanation, type PlacementQuestion } from '../domain/placement.ts';
import { seeImage, type Workshop } from './workshop.ts';

/** Says where images could land. */
export class Placements {
  readonly #shop: Workshop;

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  /** `imageId` empty: the properties given are all there are. */
  async explain(
    caller: Caller,
    imageId: string,
    question: Omit<PlacementQuestion, 'injected' | 'uploadsAreInjected'>,
  ): Promise<Explanation> {
    const { injection, protections } = this.#shop.settings();
    const image = imageId === '' ? undefined : await seeImage(this.#shop, caller, imageId);
    const own = [...(image?.properties ?? [])]
      .filter(([name]) => protections.allows('read', name, caller))
      .map(([name, { value }]) => [name, value] as const);
    return explainPlacement({
      ...question,
      properties: new Map([...own, ...question.properties]),
      injected: new Set(injection.injects ? injection.settings.properties.keys() : []),
      uploadsAreInjected: injection.onUpload,
    });
  }
}
