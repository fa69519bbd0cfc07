/** What an API can and cannot, read off its description: for people. */

import { allFieldsOf, type Description } from './description.ts';
import { valuesIn } from './description-fields.ts';

/** As its description states it. */
export interface Abilities {
  /** How many images a create takes at the most. */
  readonly images: number;
  /** How it gets them; null where it takes none. */
  readonly imagesBy: 'file' | 'bytes' | 'link' | null;
  readonly cancels: boolean;
  readonly lists: boolean;
  readonly honoursKey: boolean;
  /** Whether its answers tell what a task cost. */
  readonly tellsCost: boolean;
  /** What follows a lost answer: the task is found in the list, the create sent again, or `onLostAnswer` decides. */
  readonly lostAnswer: 'adopt' | 'resend' | 'onLostAnswer';
}

/** Read off a description. */
export function abilitiesOf({
  create: given,
  status: read,
  list: found,
  cancel: stop,
  limits,
}: Description): Abilities {
  const values = allFieldsOf(given).flatMap(valuesIn);
  const carries = values.some((value) => /^image(?:Data|Base64)/.test(value));
  const imagesBy = values.includes('imageFile') ? 'file' : carries ? 'bytes' : 'link';
  const honoursKey = Boolean(given.idempotencyHeader);
  return {
    images: limits.images,
    imagesBy: limits.images === 0 ? null : imagesBy,
    cancels: stop !== null,
    lists: Boolean(found),
    honoursKey,
    tellsCost: read.cost !== null,
    lostAnswer: honoursKey ? 'resend' : found ? 'adopt' : 'onLostAnswer',
  };
}
