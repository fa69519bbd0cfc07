/** What the demo says at its end: its files, a row each, and what they cost. */

import Table from 'cli-table3';
import { dollars, shorten } from '../../client/output.ts';
import type { DemoClip } from './clips.ts';

const PROMPT_CELLS = 36;

/** The files of the demo, a row each. */
export function renderResults(clips: readonly DemoClip[], isTerminal: boolean): string {
  const table = new Table({
    head: ['clip', 'state', 'seconds', 'KiB', 'cost', 'file'],
    // Colours of its own would end up in files and pipes.
    style: { head: isTerminal ? ['bold'] : [], border: isTerminal ? ['dim'] : [] },
  });
  for (const clip of clips) {
    table.push([
      shorten(clip.prompt ?? '-', PROMPT_CELLS),
      clip.isVerified ? `${clip.state}, verified` : clip.state,
      clip.durationMs === null ? '-' : (clip.durationMs / 1000).toFixed(1),
      clip.sizeBytes === null ? '-' : Math.round(clip.sizeBytes / 1024).toString(),
      dollars(clip.costMicroUsd) ?? '-',
      clip.file ?? clip.problem ?? '-',
    ]);
  }
  return table.toString();
}

export function renderTotal(clips: readonly DemoClip[], makespanMs: number): string {
  const verified = clips.filter(({ isVerified }) => isVerified).length;
  const costMicroUsd = clips.reduce((sum, clip) => sum + (clip.costMicroUsd ?? 0), 0);
  const seconds = (makespanMs / 1000).toFixed(1);
  return `${verified} of ${clips.length} clips archived and verified in ${seconds} s, cost ${dollars(costMicroUsd)}`;
}
