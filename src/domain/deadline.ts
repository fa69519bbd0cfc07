/** Waiting for something no longer than so long. */

/** What the work comes to, or what `onLate` answers or throws when it takes longer; the work itself goes on. */
export async function withDeadline<Result, Late>(
  work: Promise<Result>,
  limitMs: number,
  onLate: () => Late,
): Promise<Result | Late> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  try {
    return await Promise.race([work, limit.then(onLate)]);
  } finally {
    clearTimeout(timer);
  }
}
