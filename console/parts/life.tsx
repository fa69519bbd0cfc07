/** A video's life as bars to scale. */

import type { Video } from '../answers.ts';
import { eachSecond } from '../clock.ts';
import { isEnded } from '../view/filters.ts';
import { clock, duration } from '../view/format.ts';
import { ticksOf, waterfallOf } from '../view/waterfall.ts';

export function Life({ video }: { readonly video: Video }) {
  const life = waterfallOf(video, isEnded(video) ? 0 : eachSecond.value);
  const spanMs = Math.max(1, life.endMs - life.startMs);
  const percent = (ms: number) => `${(ms / spanMs) * 100}%`;
  return (
    <div class="life">
      <ol>
        {life.stretches.map(({ kind, title, fromMs, toMs, isOpen, detail }) => (
          <li key={kind}>
            <div class="life-name">
              <span>{title}</span>
              <span class="number soft">{duration(toMs - fromMs)}</span>
            </div>
            <div class="life-line" title={`${clock(new Date(fromMs).toISOString())}, ${duration(toMs - fromMs)}`}>
              <div
                class={`life-bar life-${kind}${isOpen ? ' open' : ''}`}
                style={{ left: percent(fromMs - life.startMs), width: percent(toMs - fromMs) }}
              />
            </div>
            {detail !== null && <small class="soft">{detail}</small>}
          </li>
        ))}
      </ol>
      <div class="life-ticks" aria-hidden="true">
        {ticksOf(life).map(({ part, label }) => (
          <span key={part} style={{ left: `${part * 100}%` }}>
            {label}
          </span>
        ))}
      </div>
    </div>
  );
}
