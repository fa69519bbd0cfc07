/** The same work for many things, some of them at a time. */

/** Resolves when all are done; `work` is to deal with its own failures. */
export async function eachAtOnce<Thing>(
  things: readonly Thing[],
  atOnce: number,
  work: (thing: Thing) => Promise<void>,
): Promise<void> {
  // One iterator for all: each thing is taken by whichever run is free.
  const left = things.values();
  const run = async () => {
    for (const thing of left) await work(thing);
  };
  await Promise.all(Array.from({ length: atOnce }, run));
}
