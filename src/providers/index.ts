/** The table of providers: one row for each documented API that we call. */

import type { ProviderName } from '../domain/vendor.ts';
import { airforce } from './airforce.ts';
import type { Provider } from './provider.ts';

export const PROVIDERS_BY_NAME = { airforce } satisfies Record<ProviderName, Provider>;
