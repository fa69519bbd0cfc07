/** The screens by the first part of their address: of many things, and of one of them. */

import type { ComponentType } from 'preact';
import { AccountsScreen } from './accounts.tsx';
import { BatchScreen } from './batch.tsx';
import { BatchesScreen } from './batches.tsx';
import { CallersScreen } from './callers.tsx';
import { CompareScreen } from './compare.tsx';
import { MoneyScreen } from './money.tsx';
import { NewScreen } from './new.tsx';
import { OverviewScreen } from './overview.tsx';
import { VideoScreen } from './video.tsx';
import { VideosScreen } from './videos.tsx';
import { WebhookScreen, WebhooksScreen } from './webhooks.tsx';

export interface Screens {
  readonly list?: ComponentType;
  readonly one?: ComponentType<{ readonly id: string }>;
}

export const SCREENS: Readonly<Record<string, Screens>> = {
  '': { list: OverviewScreen },
  videos: { list: VideosScreen, one: VideoScreen },
  compare: { list: CompareScreen },
  new: { list: NewScreen },
  batches: { list: BatchesScreen, one: BatchScreen },
  webhooks: { list: WebhooksScreen, one: WebhookScreen },
  money: { list: MoneyScreen },
  accounts: { list: AccountsScreen },
  callers: { list: CallersScreen },
};
