/** What is known of a video beside its clip and its life: its request, its money, its figures, and its command. */

import { useState } from 'preact/hooks';
import type { Entry, Page, Video } from '../answers.ts';
import { ask, post, queryOf } from '../api.ts';
import { remember } from '../live.ts';
import { useLoaded } from '../load.ts';
import { attempt } from '../notices.tsx';
import { CommandPanel, Copy, Facts, Money, Panel } from '../parts/basics.tsx';
import { Button } from '../parts/button.tsx';
import { href } from '../router.ts';
import { isRoot } from '../session.ts';
import { curlOf, DIALECTS } from '../view/curl.ts';
import { bytes, dateTime, duration, shortId } from '../view/format.ts';
import { isHeldForReview } from './decide.tsx';

export function Asked({ video: { request } }: { video: Video }) {
  const extra = Object.entries(request.extra);
  return (
    <Panel title="Request" aside={<Copy text={request.prompt} label="Copy prompt" />}>
      <p class="prompt">{request.prompt}</p>
      <Facts
        of={[
          ['Mode', request.mode],
          ['Length', duration(request.durationSeconds * 1000)],
          ['Aspect ratio', request.aspectRatio],
          ['Quality', request.quality],
          [
            'Images',
            request.images.length === 0
              ? null
              : request.images.map((image) => <ImageOf key={JSON.stringify(image)} image={image} />),
          ],
          ...extra.map(([name, value]) => [name, <code key={name}>{JSON.stringify(value)}</code>] as const),
        ]}
      />
    </Panel>
  );
}

function ImageOf({ image }: { image: Video['request']['images'][number] }) {
  if (image.kind === 'stored') return <div>uploaded, {bytes(image.sizeBytes)}</div>;
  return (
    <a class="clip" href={image.url} target="_blank" rel="noreferrer">
      {image.url}
    </a>
  );
}

const ENTRY_WORDS: Readonly<Record<Entry['kind'], string>> = {
  credit: 'credited',
  hold: 'held at acceptance',
  settle: 'charged at the end',
  release: 'hold given back',
  refund: 'refunded',
};

export function Paid({ video }: { video: Video }) {
  const { id, cost, state, caller } = video;
  // Nothing tells whether a task was made: what it would have cost stands for it.
  const billed = video.failure?.kind === 'answer_lost' ? 'Presumed billed upstream' : 'Billed upstream';
  const { data, reload } = useLoaded(
    (signal) => ask<Page<Entry>>(`ledger${queryOf({ videoId: id })}`, { signal }),
    [id, state, cost.settledMicroUsd],
  );
  const refund = async () => {
    await attempt('The cost is given back.', async () => remember([await post<Video>(`videos/${id}/refund`)]));
    reload();
  };
  return (
    <Panel
      title="Money"
      aside={
        isRoot.value && (cost.settledMicroUsd ?? 0) > 0 ? (
          <Button label="Refund" class="small" onClick={refund} />
        ) : undefined
      }
    >
      <Facts
        of={[
          ['Estimate', <Money key="e" microUsd={cost.estimateMicroUsd} />],
          ['Charged', isHeldForReview(video) ? 'held for review' : <Money key="s" microUsd={cost.settledMicroUsd} />],
          [billed, <Money key="u" microUsd={cost.upstreamMicroUsd} />],
          [
            'Caller',
            isRoot.value ? <a href={href(`/videos?caller=${encodeURIComponent(caller)}`)}>{shortId(caller)}</a> : null,
          ],
        ]}
      />
      {data !== undefined && data.items.length > 0 && (
        <ol class="entries">
          {data.items.toReversed().map(({ id: entry, kind, amountMicroUsd, at }) => (
            <li key={entry}>
              <span>{ENTRY_WORDS[kind]}</span>
              <time class="soft small" dateTime={at}>
                {dateTime(at)}
              </time>
              <Money microUsd={amountMicroUsd} isSigned />
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}

export function Known({ video }: { video: Video }) {
  const {
    id,
    archive,
    provider,
    account,
    taskId,
    upstreamWord,
    submissions,
    polls,
    dialect,
    expiresAt,
    delivery,
    failure,
  } = video;
  return (
    <Panel title="Details" aside={<Copy text={id} label="Copy id" />}>
      <Facts
        of={[
          ['Id', <code key="id">{id}</code>],
          ['Asked in', dialect],
          ['Made by', account === null ? null : `${account} (${provider})`],
          ['Task', taskId === null ? null : <code key="task">{taskId}</code>],
          ['Said last', upstreamWord],
          ['Creates sent', submissions],
          ['Polls', polls],
          ['Failure', failure && <code key="f">{failure.kind}</code>],
          [
            'Clip',
            archive &&
              `${archive.width} × ${archive.height}, ${duration(archive.durationMs)}, ${archive.codec}, ${bytes(archive.sizeBytes)}`,
          ],
          ['SHA-256', archive && <code key="sha">{archive.sha256}</code>],
          ['Delivery', delivery && [delivery.state, delivery.message].filter(Boolean).join(': ')],
          ['Kept until', dateTime(expiresAt)],
        ]}
      />
    </Panel>
  );
}

export function Curl({ video }: { video: Video }) {
  const names = Object.keys(DIALECTS);
  const [dialect, setDialect] = useState(names.includes(video.dialect) ? video.dialect : 'airforce');
  return (
    <CommandPanel title="As a command" command={curlOf(dialect, video.request, location.origin)}>
      <div class="tabs" role="group" aria-label="Dialect">
        {names.map((name) => (
          <Button
            key={name}
            label={name}
            aria-pressed={name === dialect}
            onClick={() => setDialect(name as typeof dialect)}
          />
        ))}
      </div>
      {video.request.images.some(({ kind }) => kind === 'stored') && (
        <p class="problem">What was uploaded as an image is left out: the command makes another video without it.</p>
      )}
    </CommandPanel>
  );
}
