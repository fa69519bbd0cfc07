/** Small charts as SVG in the text's own colour, each with a table of the same numbers. */

import type { Bar } from '../view/series.ts';

/** Columns from the oldest to the newest. */
export function Columns({
  bars,
  label,
  print,
  hasTable = false,
}: {
  readonly bars: readonly Bar[];
  readonly label: string;
  readonly print: (value: number) => string;
  /** Shows the table as well, which only those who cannot see the chart get otherwise. */
  readonly hasTable?: boolean;
}) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const step = 100 / Math.max(1, bars.length);
  const first = bars[0]?.label;
  const last = bars.at(-1)?.label;
  return (
    <figure class="chart">
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">
        {bars.map(({ label: name, value }, index) => {
          const height = value === 0 ? 0.5 : Math.max(1.5, (value / most) * 38);
          return (
            <rect
              key={name}
              class={value === 0 ? 'none' : 'bar'}
              x={index * step + step * 0.12}
              y={40 - height}
              width={step * 0.76}
              height={height}
            >
              <title>{`${name}: ${print(value)}`}</title>
            </rect>
          );
        })}
      </svg>
      <figcaption>
        <span>{first}</span>
        <span>{most > 1 ? `most ${print(most)}` : ''}</span>
        <span>{last}</span>
      </figcaption>
      {hasTable ? (
        <details>
          <summary>As a table</summary>
          <Numbers bars={bars} label={label} print={print} />
        </details>
      ) : (
        <div class="unseen">
          <Numbers bars={bars} label={label} print={print} />
        </div>
      )}
    </figure>
  );
}

/** Bars beside each other's names, the longest as wide as there is room. */
export function Lines({
  bars,
  print,
}: {
  readonly bars: readonly (Bar & { readonly href?: string })[];
  readonly print: (value: number) => string;
}) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <ul class="lines">
      {bars.map(({ label, value, href }) => (
        <li key={label}>
          <span class="line-name">{href === undefined ? label : <a href={href}>{label}</a>}</span>
          <span class="line-bar" aria-hidden="true">
            <span style={{ width: `${Math.max(1, (value / most) * 100)}%` }} />
          </span>
          <span class="number">{print(value)}</span>
        </li>
      ))}
    </ul>
  );
}

function Numbers({ bars, label, print }: Omit<Parameters<typeof Columns>[0], 'hasTable'>) {
  return (
    <table>
      <caption class="unseen">{label}</caption>
      <tbody>
        {bars.map(({ label: name, value }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="end number">{print(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
