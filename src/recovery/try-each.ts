/** Trying something with Temporal for many things, one after the other: one that fails keeps no other from its turn. */

/** How often each outcome came. */
export type Outcomes<Outcome extends string> = Readonly<Partial<Record<Outcome, number>>>;

/** Tries each until one finds Temporal away: the next would fail as well, and as slowly. */
export async function tryEach<Thing, Outcome extends string>(
  things: Iterable<Thing> | AsyncIterable<Thing>,
  attempt: (thing: Thing) => Promise<Outcome>,
): Promise<Outcomes<Outcome>> {
  const outcomes: Partial<Record<Outcome, number>> = {};
  for await (const thing of things) {
    const outcome = await attempt(thing);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (outcome === 'away') break;
  }
  return outcomes;
}
