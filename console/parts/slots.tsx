/** An account's slots as cells, each leading to the video that has it. */

import type { Account } from '../answers.ts';
import { known } from '../live.ts';
import { href } from '../router.ts';
import { shortId } from '../view/format.ts';

const HUES: Readonly<Record<string, string>> = {
  granted: 'submitting',
  sending: 'submitting',
  unconfirmed: 'unconfirmed',
  running: 'generating',
  orphan: 'failed',
};

export function Slots({ account: { id, slots, limit } }: { readonly account: Account }) {
  const free = Math.max(0, limit - slots.length);
  return (
    <div class="slots" role="group" aria-label={`Slots of ${id}`}>
      {slots.map(({ videoId, state, since }, index) => {
        const look = `taken state-${HUES[state] ?? 'generating'}`;
        if (videoId === null) {
          return <span key={`${since}-${index}`} class={look} title="A task that belongs to no video" />;
        }
        const holder = known.value.get(videoId)?.request.prompt.slice(0, 100) ?? `video ${shortId(videoId)}`;
        return (
          <a key={videoId} class={look} href={href(`/videos/${videoId}`)} title={`${state}: ${holder}`}>
            <span class="unseen">{`${state}: ${holder}`}</span>
          </a>
        );
      })}
      {Array.from({ length: free }, (_, index) => (
        <span key={index} title="Free" />
      ))}
    </div>
  );
}
