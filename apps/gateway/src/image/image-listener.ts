import type { Config } from '@hallmark/runtime';
import type { GatewayEvents } from '../events.ts';
import type { Callers } from '../http/callers.ts';
import type { Door } from '../http/exchange.ts';
import { Listeners, type Certificate } from '../http/listeners.ts';
import { answerMalformed } from '../http/malformed.ts';
import type { ImageDataServices } from './image-data.ts';
import { imageHandlers } from './image-handler.ts';
import { imageProblemOf } from './image-problem.ts';
import type { ImageRules } from './visit.ts';

export type { ImageRules } from './visit.ts';

export interface ImageListenerOptions extends ImageDataServices {
  readonly listen: Config['gateway_image']['listen'];
  readonly certificate: Certificate | undefined;
  readonly events: GatewayEvents;
  readonly now: () => number;
  readonly callers: Callers;
  readonly rules: () => ImageRules;
  /** What goes with every 401. */
  readonly challenge: () => string;
}

/** The listener `image`: the Image API v2. Disposing it loses no request, and waits for data on its way. */
export class ImageListener implements AsyncDisposable {
  readonly #listeners: Listeners;
  readonly #door: Door;

  private constructor(listeners: Listeners, door: Door) {
    this.#listeners = listeners;
    this.#door = door;
  }

  static async open(options: ImageListenerOptions): Promise<ImageListener> {
    const { listen, certificate, events, now, challenge } = options;
    const door: Door = {
      events,
      now,
      problem: (thrown, request) => imageProblemOf(thrown, request, challenge()),
      closing: false,
    };
    const listeners = await Listeners.open({
      listen,
      certificate,
      ...imageHandlers({ ...options, door }),
      // An image takes as long as it takes; other bodies are bounded where they are read.
      requestTimeoutMs: 0,
      onMalformed: (error, socket) => {
        answerMalformed(error, socket, events);
      },
    });
    return new ImageListener(listeners, door);
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  /** Shows a renewed certificate to new connections. */
  renew(certificate: Certificate): void {
    this.#listeners.renew(certificate);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#door.closing = true;
    await this.#listeners[Symbol.asyncDispose]();
  }
}
