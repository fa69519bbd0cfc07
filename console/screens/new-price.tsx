/** What a new video costs, how long it takes, and the button that has it made. */

import { useEffect, useState } from 'preact/hooks';
import type { Estimate, Model } from '../answers.ts';
import { post, wordsOf } from '../api.ts';
import { Money, Panel } from '../parts/basics.tsx';
import { href } from '../router.ts';
import type { Draft } from '../view/draft.ts';
import { duration } from '../view/format.ts';

interface PriceProps {
  readonly draft: Draft;
  readonly model: Model;
  readonly problems: readonly string[];
  readonly isBusy: boolean;
}

export function Price({ draft, model, problems, isBusy }: PriceProps) {
  const [estimate, setEstimate] = useState<{ readonly each: Estimate | null; readonly problem: string | null }>({
    each: null,
    problem: null,
  });
  const { seconds: durationSeconds, aspectRatio, quality } = draft;
  const count = Number.isNaN(draft.count) ? 1 : draft.count;
  useEffect(() => {
    let isLatest = true;
    if (Number.isNaN(durationSeconds)) {
      setEstimate({ each: null, problem: null });
      return undefined;
    }
    const body = { model: model.id, durationSeconds, ...(aspectRatio && { aspectRatio }), ...(quality && { quality }) };
    const timer = setTimeout(() => {
      post<Estimate>('estimates', body)
        .then((each) => isLatest && setEstimate({ each, problem: null }))
        .catch((error: unknown) => isLatest && setEstimate({ each: null, problem: wordsOf(error) }));
    }, 150);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [model.id, durationSeconds, aspectRatio, quality]);
  const { each, problem } = estimate;
  const { lately } = model;
  return (
    <div class="stack">
      <Panel title="Price" class="price">
        <p class="big number" aria-live="polite">
          {each === null ? '–' : <Money microUsd={each.estimateMicroUsd * count} />}
        </p>
        <p class="soft">
          {each !== null && count > 1 && (
            <>
              {count} × <Money microUsd={each.estimateMicroUsd} />,{' '}
            </>
          )}
          {each !== null && `made by ${each.account}`}
          {problem !== null && problem}
        </p>
        <p class="soft">
          {lately === null
            ? 'None was made here lately, so how long it takes is not known.'
            : `Half of them took ${duration(lately.p50Ms)} here lately, nine of ten ${duration(lately.p90Ms)}.`}
        </p>
        {problems.length > 0 && (
          <ul class="soft small problems">
            {problems.map((words) => (
              <li key={words}>{words}</li>
            ))}
          </ul>
        )}
        <button type="submit" class="primary wide" disabled={problems.length > 0}>
          {isBusy ? 'Sending…' : count === 1 ? 'Make the video' : `Make ${count} videos`}
        </button>
        <p class="soft small">
          Nothing is charged before it is done. Many at once? <a href={href('/batches')}>Make a batch</a>.
        </p>
      </Panel>
    </div>
  );
}
