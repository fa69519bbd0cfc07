/** The manifest of a batch: what became of each of its lines, as JSON lines or CSV, read page by page. */

import { failureKindOf } from '../../domain/video.ts';
import type { LineWithVideo } from '../../gateway/batches.ts';
import {
  MANIFEST_HEADS,
  type ManifestFormat,
  type ManifestRow,
  printManifestRow,
} from '../../wire/clipyard/manifest.ts';
import type { OwnRoutesOptions } from './options.ts';

/** Lines that are read at once. */
const PAGE = 200;

/** Why a line has no clip; null for one that has one, or may get one. */
export function failureOf({ line, video }: LineWithVideo) {
  if (line.code !== null) return { kind: line.code, message: line.message ?? '' };
  const kind = video && failureKindOf(video);
  return kind ? { kind, message: video?.failure?.message ?? '' } : null;
}

function rowOf(item: LineWithVideo): ManifestRow {
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
  format: ManifestFormat,
): AsyncGenerator<string> {
  yield MANIFEST_HEADS[format];
  for (let after = 0; ; ) {
    const page = await batches.lines(id, { after, limit: PAGE });
    const last = page.at(-1);
    if (!last) return;
    yield page.map((item) => printManifestRow(rowOf(item), format)).join('');
    after = last.line.line;
  }
}
