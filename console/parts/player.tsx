/** A video's clip in the browser's own player; before there is one, how far it is. */

import { useState } from 'preact/hooks';
import type { Video } from '../answers.ts';
import { local } from '../api.ts';
import { isEnded } from '../view/filters.ts';

export function Player({ video }: { readonly video: Video }) {
  const { archive, request, progress, state } = video;
  const [hasFailed, setFailed] = useState(false);
  const ratio =
    archive === null ? (request.aspectRatio ?? '16:9').replace(':', ' / ') : `${archive.width} / ${archive.height}`;
  if (archive?.url != null && !hasFailed) {
    return (
      <div class="player" style={{ aspectRatio: ratio }}>
        {/* biome-ignore lint/a11y/useMediaCaption: what is generated has no words that were written down */}
        <video
          controls
          playsInline
          loop
          preload="metadata"
          src={local(archive.url)}
          poster={archive.posterUrl === null ? undefined : local(archive.posterUrl)}
          aria-label={`Clip: ${request.prompt.slice(0, 100)}`}
          onError={() => setFailed(true)}
        />
      </div>
    );
  }
  const words = hasFailed
    ? 'The clip cannot be played here.'
    : archive !== null
      ? 'The clip had its time and is removed.'
      : isEnded(video)
        ? 'There is no clip.'
        : 'The clip will play here.';
  return (
    <div class={`player none state-${state}`} style={{ aspectRatio: ratio }}>
      <p>{words}</p>
      {!isEnded(video) && (
        <>
          <progress max={100} value={state === 'queued' ? undefined : progress} aria-label="Progress" />
          <span class="number soft">{state === 'queued' ? 'waiting' : `${progress} %`}</span>
        </>
      )}
    </div>
  );
}
