/** Whether the work ends in so many seconds; 0 waits as long as it takes. Its failure is thrown. */
export async function finishesWithin(seconds: number, work: PromiseLike<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = seconds === 0 ? undefined : setTimeout(() => resolve(false), seconds * 1000);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
