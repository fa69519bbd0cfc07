/** A video's life as bars to scale, with a mark for each poll. */

import type { Delivery, Video } from '../answers.ts';
import { eachSecond } from '../clock.ts';
import { isEnded } from '../view/filters.ts';
import { clock, duration } from '../view/format.ts';
import { ticksOf, waterfallOf } from '../view/waterfall.ts';

interface LifeProps {
  readonly video: Video;
  readonly deliveries: readonly Delivery[];
}

export function Life({ video, deliveries }: LifeProps) {
  const isOver = isEnded(video) && deliveries.every(({ endedAt }) => endedAt !== null);
  const life = waterfallOf(video, isOver ? 0 : eachSecond.value, deliveries);
  const spanMs = Math.max(1, life.endMs - life.startMs);
  const percent = (ms: number) => `${(ms / spanMs) * 100}%`;
  const from = (ms: number) => percent(ms - life.startMs);
  return (
    <div class="life">
      <ol>
        {life.stretches.map(({ kind, title, fromMs, toMs, isOpen, detail, marksMs }) => (
          <li key={kind}>
            <div class="life-name">
              <span>{title}</span>
              <span class="number soft">{duration(toMs - fromMs)}</span>
            </div>
            <div class="life-line" title={`${clock(new Date(fromMs).toISOString())}, ${duration(toMs - fromMs)}`}>
              <div
                class={`life-bar life-${kind}${isOpen ? ' open' : ''}`}
                style={{
                  left: from(Math.min(fromMs, life.endMs)),
                  width: percent(Math.min(toMs, life.endMs) - fromMs),
                }}
              />
              {marksMs.map((ms) => (
                <span
                  key={ms}
                  class="life-mark"
                  title={`Polled ${clock(new Date(ms).toISOString())}`}
                  style={{ left: from(ms) }}
                />
              ))}
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
