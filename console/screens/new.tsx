/** A new video: a form of what the chosen model can do, and its price before anything is made. */

import { useState } from 'preact/hooks';
import type { Model, Page, Video } from '../answers.ts';
import { ask, post } from '../api.ts';
import { useLoaded } from '../load.ts';
import { attempt, say } from '../notices.tsx';
import { Empty, Head, Loading, Panel, Trouble } from '../parts/basics.tsx';
import { Field } from '../parts/field.tsx';
import { go, query } from '../router.ts';
import { useKept } from '../steps.ts';
import { type Draft, draftFor, draftOf, MOST_AT_ONCE, problemsOf, takesImages, toBody } from '../view/draft.ts';
import { counted } from '../view/format.ts';
import { comparison } from './compare.tsx';
import { Images } from './new-images.tsx';
import { Price } from './new-price.tsx';

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
      <Field
        label="Seed"
        type="number"
        min={0}
        step={1}
        placeholder="any"
        value={draft.seed}
        onText={(seed) => change({ seed })}
      />
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
