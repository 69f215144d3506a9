/** A google.protobuf.Duration in milliseconds; an absent one is no time. */
export const durationMs = (duration: { seconds: number; nanos: number } | undefined): number =>
  duration === undefined ? 0 : duration.seconds * 1_000 + duration.nanos / 1_000_000;
