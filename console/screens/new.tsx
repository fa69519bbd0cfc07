/** A new video: a form of what the chosen model can do, and its price before anything is made. */

import { useEffect, useState } from 'preact/hooks';
import type { Estimate, Model, Page, Video } from '../answers.ts';
import { ask, post, wordsOf } from '../api.ts';
import { useLoaded } from '../load.ts';
import { attempt, say } from '../notices.tsx';
import { Empty, Head, Loading, Money, Panel, Trouble } from '../parts/basics.tsx';
import { DropZone } from '../parts/drop-zone.tsx';
import { go, href, query } from '../router.ts';
import { useKept } from '../steps.ts';
import {
  type Draft,
  draftFor,
  draftOf,
  MOST_AT_ONCE,
  type NewImage,
  problemsOf,
  takesImages,
  toBody,
} from '../view/draft.ts';
import { counted, duration } from '../view/format.ts';
import { comparison } from './compare.tsx';

export function NewScreen() {
  const from = query.value.get('from');
  const { data, error, reload } = useLoaded(
    async (signal) => {
      const [models, source] = await Promise.all([
        ask<Page<Model>>('models', { signal }),
        from === null ? null : ask<Video>(`videos/${encodeURIComponent(from)}`, { signal }),
      ]);
      return { models: models.items, source };
    },
    [from],
  );
  return (
    <>
      <Head title={from === null ? 'New video' : 'Again with changes'} />
      {error !== null && <Trouble error={error} retry={reload} />}
      {error === null && data === undefined && <Loading />}
      {data !== undefined && data.models.length === 0 && (
        <Empty title="No model is on offer">
          <p>An account in clipyard.yaml brings its models with it; a caller may be held to some of them.</p>
        </Empty>
      )}
      {data !== undefined && data.models.length > 0 && (
        <Form key={from ?? ''} models={data.models} source={data.source} />
      )}
    </>
  );
}

const CREATE = '/airforce/v1/video/generations';

function Form({ models, source }: { models: readonly Model[]; source: Video | null }) {
  const kept = useKept<Draft>('draft');
  const [draft, setDraft] = useState<Draft>(() => kept.current ?? draftOf(models, source));
  kept.current = draft;
  const [isBusy, setBusy] = useState(false);
  const model = models.find(({ id }) => id === draft.model) ?? models[0];
  if (model === undefined) return null;
  const change = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }));
  const problems = problemsOf(draft, model);
  const uploaded = source?.request.images.filter(({ kind }) => kind === 'stored').length ?? 0;

  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy || problems.length > 0) return;
    setBusy(true);
    const made: string[] = [];
    await attempt(null, async () => {
      for (const seed of draft.count === 1 ? [null] : seedsOf(draft)) {
        const { task_id: id } = await post<{ task_id: string }>(CREATE, toBody(draft, model, seed));
        made.push(id);
      }
      say(made.length === 1 ? 'It is accepted.' : `${made.length} videos are accepted.`);
    });
    setBusy(false);
    if (made.length === 1) go(`/videos/${made[0]}`);
    else if (made.length > 1) go(comparison(made));
  };

  return (
    <form class="columns new" onSubmit={(event) => void submit(event)}>
      <div class="stack">
        <Panel title="What it shows">
          <label>
            Prompt
            <textarea
              rows={5}
              required
              value={draft.prompt}
              placeholder="A lighthouse at dusk, waves against the rocks, the beam turning slowly"
              onInput={({ currentTarget }) => change({ prompt: currentTarget.value })}
            />
          </label>
          {uploaded > 0 && takesImages(model) && (
            <p class="problem">
              {counted(uploaded, 'image')} of the earlier video {uploaded === 1 ? 'was' : 'were'} uploaded with it, and
              not taken over: choose {uploaded === 1 ? 'it' : 'them'} once more.
            </p>
          )}
          <Images draft={draft} model={model} change={change} />
        </Panel>
        <Panel title="How">
          <label>
            Model
            <select
              value={model.id}
              onChange={({ currentTarget }) => {
                const chosen = models.find(({ id }) => id === currentTarget.value);
                if (chosen) setDraft((before) => draftFor(chosen, before));
              }}
            >
              {models.map(({ id, provider }) => (
                <option key={id} value={id}>
                  {id} ({provider})
                </option>
              ))}
            </select>
          </label>
          <Capabilities draft={draft} model={model} change={change} />
        </Panel>
      </div>
      <Price draft={draft} model={model} problems={problems} isBusy={isBusy} />
    </form>
  );
}

/** Whole numbers beside each other, from the chosen one or from a random one. */
function seedsOf({ seed, count }: Draft): readonly number[] {
  const first = seed === '' ? Math.floor(Math.random() * 1_000_000) : Number(seed);
  return Array.from({ length: count }, (_, index) => first + index);
}

interface PartProps {
  readonly draft: Draft;
  readonly model: Model;
  readonly change: (changes: Partial<Draft>) => void;
}

/** A field that is emptied stays so until something is typed. */
function shownNumber(value: number): number | string {
  return Number.isNaN(value) ? '' : value;
}

function Capabilities({ draft, model, change }: PartProps) {
  const lengths = model.durationsSeconds;
  return (
    <div class="fields">
      <label>
        Seconds
        {lengths === null ? (
          <input
            type="number"
            step={1}
            min={model.minDurationSeconds}
            max={model.maxDurationSeconds}
            value={shownNumber(draft.seconds)}
            onInput={({ currentTarget }) => change({ seconds: currentTarget.valueAsNumber })}
          />
        ) : (
          <select
            value={draft.seconds}
            onChange={({ currentTarget }) => change({ seconds: Number(currentTarget.value) })}
          >
            {lengths.map((seconds) => (
              <option key={seconds} value={seconds}>
                {seconds}
              </option>
            ))}
          </select>
        )}
      </label>
      <Option
        label="Aspect ratio"
        of={model.aspectRatios}
        value={draft.aspectRatio}
        onChange={(aspectRatio) => change({ aspectRatio })}
      />
      <Option label="Quality" of={model.qualities} value={draft.quality} onChange={(quality) => change({ quality })} />
      <label>
        Seed
        <input
          type="number"
          min={0}
          step={1}
          placeholder="any"
          value={draft.seed}
          onInput={({ currentTarget }) => change({ seed: currentTarget.value })}
        />
      </label>
      <label>
        How many
        <input
          type="number"
          min={1}
          max={MOST_AT_ONCE}
          step={1}
          value={shownNumber(draft.count)}
          onInput={({ currentTarget }) => change({ count: currentTarget.valueAsNumber })}
        />
      </label>
    </div>
  );
}

function Option({
  label,
  of,
  value,
  onChange,
}: {
  label: string;
  of: readonly string[];
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}
      {of.length === 0 ? (
        <input
          value={value}
          placeholder="the model's own"
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      ) : (
        <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
          {of.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      )}
    </label>
  );
}

const MOST_IMAGE_BYTES = 10_000_000;

/** As a request carries it, with a picture of it for the page. */
async function readImage(file: File): Promise<NewImage> {
  if (!file.type.startsWith('image/')) throw new Error(`${file.name} is not an image`);
  if (file.size > MOST_IMAGE_BYTES) throw new Error(`${file.name} is larger than 10 MB`);
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
  return {
    kind: 'bytes',
    name: file.name,
    base64: url.slice(url.indexOf(',') + 1),
    shownUrl: URL.createObjectURL(file),
  };
}

function Images({ draft, model, change }: PartProps) {
  const [url, setUrl] = useState('');
  if (!takesImages(model)) return <p class="soft small">This model takes words alone.</p>;
  const add = (files: readonly File[]) =>
    attempt(null, async () => {
      const images = await Promise.all(files.map(readImage));
      change({ images: [...draft.images, ...images].slice(0, 8) });
    });
  const addUrl = () => {
    if (!URL.canParse(url)) return;
    change({ images: [...draft.images, { kind: 'url' as const, url }].slice(0, 8) });
    setUrl('');
  };
  return (
    <fieldset>
      <legend>Images</legend>
      <DropZone
        label="Choose images"
        accept="image/png,image/jpeg,image/webp"
        isMany
        onFiles={(files) => void add(files)}
      >
        or drop them here
      </DropZone>
      <div class="with-button">
        <input
          type="url"
          aria-label="URL of an image"
          placeholder="https://…"
          value={url}
          onInput={({ currentTarget }) => setUrl(currentTarget.value)}
        />
        <button type="button" disabled={!URL.canParse(url)} onClick={addUrl}>
          Add URL
        </button>
      </div>
      <ul class="thumbs">
        {draft.images.map((image, index) => (
          <li key={image.kind === 'url' ? image.url : image.shownUrl}>
            {image.kind === 'bytes' ? (
              <img src={image.shownUrl} alt={image.name} />
            ) : (
              <span class="clip">{image.url}</span>
            )}
            <button
              type="button"
              class="small"
              aria-label={`Remove image ${index + 1}`}
              onClick={() => change({ images: draft.images.filter((_, each) => each !== index) })}
            >
              ✕
            </button>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

interface PriceProps {
  readonly draft: Draft;
  readonly model: Model;
  readonly problems: readonly string[];
  readonly isBusy: boolean;
}

function Price({ draft, model, problems, isBusy }: PriceProps) {
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
            {problems.map((each2) => (
              <li key={each2}>{each2}</li>
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
