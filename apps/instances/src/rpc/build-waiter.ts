import type { Call } from '@hallmark/rpc';
import type { InstanceView } from '../domain/instance-record.ts';
import type { InstancesEvents } from '../events.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import type { InstanceKey, InstanceRecords } from '../store/instance-records.ts';

const LONGEST_WAIT_MS = 60_000;
/** Left for the last look and the way back. */
const MARGIN_MS = 200;
/** Notifications wake at once. This is for those that are lost. */
const LOOK_AGAIN_MS = 2_000;

/** Waits for instances to leave BUILD. */
export class BuildWaiter {
  readonly #records: InstanceRecords;
  readonly #feed: ChangeFeed;
  readonly #events: InstancesEvents;

  constructor(records: InstanceRecords, feed: ChangeFeed, events: InstancesEvents) {
    this.#records = records;
    this.#feed = feed;
    this.#events = events;
  }

  /** The instance as soon as it has left BUILD, or as it is when the time is over. */
  async wait(key: InstanceKey, waitMs: number, call: Call): Promise<InstanceView> {
    const longestMs = Math.min(waitMs, LONGEST_WAIT_MS, call.remainingMs() - MARGIN_MS);
    const until = performance.now() + longestMs;
    let wake = (): void => undefined;
    let isChanged = false;
    using waiting = new DisposableStack();
    waiting.use(this.#events.waits());
    waiting.use(
      this.#feed.listen(key.id, () => {
        isChanged = true;
        wake();
      }),
    );
    for (;;) {
      isChanged = false;
      const view = await this.#records.getView(key);
      const leftMs = until - performance.now();
      if (view.record.status !== 'BUILD' || leftMs <= 0) return view;
      if (this.#feed.isClosed || call.signal.aborted) return view;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => wake(), Math.min(leftMs, LOOK_AGAIN_MS));
        wake = () => {
          clearTimeout(timer);
          call.signal.removeEventListener('abort', wake);
          resolve();
        };
        call.signal.addEventListener('abort', wake);
        // It may have come while the record was read.
        if (isChanged) wake();
      });
    }
  }
}
