/** The manifest of a batch: what became of each of its lines, as JSON lines or CSV, read page by page. */

import { failureKindOf } from '../../domain/video.ts';
import type { LineWithVideo } from '../../gateway/batches.ts';
import { MANIFEST_COLUMNS } from '../../wire/clipyard/batches.ts';
import type { OwnRoutesOptions } from './options.ts';

/** Lines that are read at once. */
const PAGE = 200;

/** Why a line has no clip; null for one that has one, or may get one. */
export function failureOf({ line, video }: LineWithVideo) {
  if (line.code !== null) return { kind: line.code, message: line.message ?? '' };
  const kind = video && failureKindOf(video);
  return kind ? { kind, message: video?.failure?.message ?? '' } : null;
}

function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** By column. */
function rowOf(item: LineWithVideo): Readonly<Record<(typeof MANIFEST_COLUMNS)[number], string | number | null>> {
  const { line, video } = item;
  const archive = video?.archive ?? null;
  const failure = failureOf(item);
  return {
    custom_id: line.customId,
    line: line.line,
    id: line.videoId,
    state: line.state,
    file: archive ? `${line.videoId}.mp4` : null,
    sha256: archive?.sha256 ?? null,
    bytes: archive?.sizeBytes ?? null,
    duration_ms: archive?.durationMs ?? null,
    model: line.request?.model ?? null,
    prompt: line.request?.prompt ?? null,
    cost_micro_usd: video?.settledMicroUsd ?? null,
    failure_kind: failure?.kind ?? null,
    failure_message: failure?.message ?? null,
  };
}

/** Prints it, each page as one piece. */
export async function* printManifest(
  { batches }: Pick<OwnRoutesOptions, 'batches'>,
  id: string,
  format: 'jsonl' | 'csv',
): AsyncGenerator<string> {
  if (format === 'csv') yield `${MANIFEST_COLUMNS.join(',')}\n`;
  for (let after = 0; ; ) {
    const page = await batches.lines(id, { after, limit: PAGE });
    const last = page.at(-1);
    if (!last) return;
    const rows = page.map(rowOf);
    yield rows
      .map((row) =>
        format === 'csv' ? MANIFEST_COLUMNS.map((name) => cell(row[name])).join(',') : JSON.stringify(row),
      )
      .join('\n')
      .concat('\n');
    after = last.line.line;
  }
}
