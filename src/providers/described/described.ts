/** The provider for upstreams that are described by data: what each account's description states, interpreted. */

import type { PublishedModel } from '../../domain/models.ts';
import type { Provider } from '../../domain/provider.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { PROVIDER_FACTS, type ProviderFacts } from '../../domain/vendor.ts';
import type { Description } from '../../wire/description.ts';
import { requireJson, requireSuccess } from '../read-answer.ts';
import { start } from './create.ts';
import { ask, expandPath, fillFields, keyHeaders } from './exchange.ts';
import { list, poll } from './task.ts';

/** What is true of an API as far as its description says. */
function factsOf({ create, list: read, cancel, limits, timing }: Description): ProviderFacts {
  const { resultTtlMs, ...polls } = timing;
  return {
    answersAtEnd: false,
    mostImages: limits.images,
    honoursIdempotencyKey: Boolean(create.idempotencyHeader),
    listWindow: read?.window ?? null,
    cancels: cancel !== null,
    timing: polls,
    resultTtlMs,
  };
}

/** The provider that a description makes. */
export function describedProvider(description: Description): Provider {
  const { cancel, list: read, probe, models } = description;
  const probed = probe ?? read;
  return {
    name: 'described',
    facts: factsOf(description),
    start: (request, call) => start(description, request, call),
    poll: (taskId, call) => poll(description, taskId, call),
    keyHeaders: (apiKey) => keyHeaders(description, apiKey),
    ...(cancel && {
      async cancel(taskId, call) {
        const { method, path, fields } = cancel;
        const body = fields && fillFields(fields, { taskId });
        const reply = await ask(description, call, {
          method,
          path: expandPath(path, { taskId }),
          ...(body && { body }),
        });
        requireSuccess(reply, 'a cancelled task');
      },
    }),
    ...(read && { list: (call) => list(description, call) }),
    ...(probed && {
      async probe(call) {
        requireJson(await ask(description, call, { path: probed.path }), 'what shows whether the key is good');
      },
    }),
    ...(models.length > 0 && { models: async () => models.map(published) }),
  };
}

function published(model: Description['models'][number]): PublishedModel {
  const { id, pricePerSecondMicroUsd, durationsSeconds, aspectRatios, qualities, modes } = model;
  const sorted = durationsSeconds?.toSorted((a, b) => a - b) ?? null;
  return {
    upstreamModel: id,
    pricePerSecondMicroUsd,
    capabilities: {
      modes,
      aspectRatios,
      qualities,
      minDurationSeconds: sorted?.[0] ?? model.minDurationSeconds,
      maxDurationSeconds: sorted?.at(-1) ?? model.maxDurationSeconds ?? model.minDurationSeconds,
      durationsSeconds: sorted,
    },
  };
}

/** Stands where no account has a description: nothing is asked of an API that nothing is known of. */
export const described = {
  name: 'described',
  facts: PROVIDER_FACTS.described,
  start: async () => ({ kind: 'not sent', message: NO_DESCRIPTION }) as const,
  async poll() {
    throw new UpstreamError('not sent', NO_DESCRIPTION);
  },
} satisfies Provider;

const NO_DESCRIPTION = 'the account has no description of its API any more';

/** An account, as far as it says what API it speaks. */
interface DescribedAccount {
  readonly id: string;
  readonly api?: string | undefined;
}

/** The row of the table of providers for accounts with descriptions, which are given by the name that accounts use. */
export function describedBy(
  accounts: readonly DescribedAccount[],
  descriptions: Readonly<Record<string, Description>>,
): Provider {
  const byAccount = new Map(
    accounts.flatMap(({ id, api }) => {
      const description = api === undefined ? undefined : descriptions[api];
      return description ? [[id, describedProvider(description)] as const] : [];
    }),
  );
  return { ...described, forAccount: (id) => byAccount.get(id) ?? described };
}
