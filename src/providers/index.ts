/** The table of providers: one row for each documented API that we call, and one for all that are described. */

import type { Provider } from '../domain/provider.ts';
import type { ProviderName } from '../domain/vendor.ts';
import { a4f } from './a4f.ts';
import { airforce } from './airforce.ts';
import { described } from './described/described.ts';
import { infrai } from './infrai.ts';
import { openai } from './openai.ts';

export const PROVIDERS_BY_NAME = { airforce, infrai, a4f, openai, described } satisfies Record<ProviderName, Provider>;
