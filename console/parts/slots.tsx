/** An account's slots as cells, each leading to the video that has it. */

import type { Account } from '../answers.ts';
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
        return videoId === null ? (
          <span key={`${since}-${index}`} class={look} title="A task that belongs to no video" />
        ) : (
          <a key={videoId} class={look} href={href(`/videos/${videoId}`)} title={`${state}: ${videoId}`}>
            <span class="unseen">{`${state}: video ${shortId(videoId)}`}</span>
          </a>
        );
      })}
      {Array.from({ length: free }, (_, index) => (
        <span key={index} title="Free" />
      ))}
    </div>
  );
}
