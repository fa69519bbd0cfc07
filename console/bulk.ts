/** One action on many videos: asked first with the count, done, and said what came of it. */

import type { Bulk, Video } from './answers.ts';
import { local, post } from './api.ts';
import { forget } from './live.ts';
import { attempt, confirm, say } from './notices.tsx';
import { isEnded } from './view/filters.ts';
import { counted, dollars, spaced } from './view/format.ts';

export type Action = 'cancel' | 'again' | 'delete';

interface Facts {
  readonly title: string;
  readonly done: string;
  readonly note: string;
  readonly isDangerous?: boolean;
  applies(video: Video): boolean;
}

export const ACTIONS: Readonly<Record<Action, Facts>> = {
  cancel: {
    title: 'Cancel',
    done: 'cancelled',
    note: 'What an upstream finishes all the same is paid.',
    isDangerous: true,
    applies: (video) => !isEnded(video),
  },
  again: {
    title: 'Make again',
    done: 'made again',
    note: 'Each becomes a new video with the same request.',
    applies: () => true,
  },
  delete: {
    title: 'Delete',
    done: 'deleted',
    note: 'Their clips are removed from the archive for good.',
    isDangerous: true,
    applies: isEnded,
  },
};

/** Of the chosen ones, those that the action means something for. Resolves with whether anything was done. */
export async function act(action: Action, chosen: readonly Video[]): Promise<boolean> {
  const { title, done, note, isDangerous = false, applies } = ACTIONS[action];
  const videos = chosen.filter(applies);
  const costMicroUsd = videos.reduce((sum, { cost }) => sum + cost.estimateMicroUsd, 0);
  const price = action === 'again' ? ` About ${dollars(costMicroUsd)} in all.` : '';
  const isMeant = await confirm({
    title: `${title}: ${counted(videos.length, 'video')}?`,
    body: `${note}${price}`,
    yes: `${title} ${videos.length}`,
    isDangerous,
  });
  if (!isMeant) return false;
  return await attempt(null, async () => {
    const ids = videos.map(({ id }) => id);
    const { matched, failed, done: count } = await post<Bulk>('videos/bulk', { action, ids });
    if (action === 'delete') forget(ids.filter((id) => !failed.some((each) => each.id === id)));
    const rest = matched - count - failed.length;
    const parts = [
      `${counted(count, 'video')} ${done}`,
      ...(failed.length > 0 ? [`${failed.length} refused (${spaced(failed[0]?.code ?? '')})`] : []),
      ...(rest > 0 ? [`${rest} go on behind`] : []),
    ];
    say(`${parts.join(', ')}.`);
  });
}

/** Between two downloads, so that browsers take none of them for a mistake. */
const BETWEEN_MS = 300;

/** Saves the clips of those that are completed, one after the other. */
export async function download(chosen: readonly Video[]): Promise<void> {
  for (const { id, archive } of chosen) {
    if (archive?.url == null) continue;
    const link = document.createElement('a');
    link.href = local(archive.url);
    link.download = `${id}.mp4`;
    link.click();
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  }
}
