/** Our own route for models: all that the caller may use. */

import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { ModelOffer } from '../../domain/models.ts';
import type { ModelTimes } from '../../gateway/administration.ts';
import { noQuery } from '../../wire/clipyard/fields.ts';
import { MODEL_PATHS, modelsAnswer } from '../../wire/clipyard/models.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own, type Printable } from './own.ts';

const MODELS: Tag = { name: 'models', description: 'What a create may ask for.' };

type ShownModel = Printable<z.input<typeof modelsAnswer>['items'][number]>;

/** The offers of one model, in order of preference. */
function toModel([first, ...others]: readonly [ModelOffer, ...ModelOffer[]], lately: ModelTimes | null): ShownModel {
  const { model: id, account, provider, pricePerSecondMicroUsd, capabilities } = first;
  const { modes, durationsSeconds, minDurationSeconds, maxDurationSeconds, aspectRatios, qualities } = capabilities;
  return {
    id,
    accounts: [account, ...others.map((other) => other.account)],
    provider,
    modes,
    durationsSeconds,
    minDurationSeconds,
    maxDurationSeconds,
    aspectRatios,
    qualities,
    pricePerSecondMicroUsd,
    lately,
  };
}

function byModel(offers: readonly ModelOffer[]): ReadonlyMap<string, [ModelOffer, ...ModelOffer[]]> {
  const models = new Map<string, [ModelOffer, ...ModelOffer[]]>();
  for (const offer of offers) {
    const known = models.get(offer.model);
    if (known) known.push(offer);
    else models.set(offer.model, [offer]);
  }
  return models;
}

/** Mounts the route. */
export function modelRoutes(app: FastifyInstance, { gateway, administration }: OwnRoutesOptions): void {
  own(app, MODELS, {
    method: 'GET',
    path: MODEL_PATHS.models,
    id: 'listModels',
    summary: 'The models on offer, what they cost and how long they took lately',
    access: 'caller',
    query: noQuery,
    answers: { 200: modelsAnswer },
    handle: async ({ caller }) => {
      const models = byModel(await gateway.offers(caller));
      const times = await administration.modelTimes([...models.keys()]);
      return { items: [...models].map(([id, offers]) => toModel(offers, times.get(id) ?? null)) };
    },
  });
}
