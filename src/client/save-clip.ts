/** Where a command puts what it downloads: a file, a folder, or standard output. */

import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { downloadClip } from './download-clip.ts';
import { CommandFailure } from './gateway-client.ts';
import type { ArchivedClip } from './receive-clip.ts';
import type { JsonFlag, Session } from './run-command.ts';

/** What a download may be told. */
export interface SaveOptions extends JsonFlag {
  /** A file, a folder, or `-`; by default the id with `.mp4`. */
  readonly output?: string;
  readonly force?: boolean;
}

/** Where the clip goes, in the help of commands. */
export const OUTPUT_OPTION = ['--output <file>', 'or a folder, or - for standard output; by default ID.mp4'] as const;

const STANDARD_OUTPUT = '-';

async function fileIn(named: string | undefined, id: string): Promise<string> {
  const byDefault = `${id}.mp4`;
  if (named === undefined) return byDefault;
  const facts = await stat(named).catch(() => null);
  return facts?.isDirectory() ? join(named, byDefault) : named;
}

/** Only what was verified is written, so that a reader never has bytes of anything else. */
async function print({ gateway }: Session, clip: ArchivedClip): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-'));
  try {
    const file = join(folder, 'clip.mp4');
    await downloadClip(gateway, { ...clip, file, force: true });
    const bytes = createReadStream(file);
    bytes.pipe(process.stdout, { end: false });
    await finished(bytes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Downloads the clip to where the options say, and says so.
 * @throws CommandFailure where it is not to be had, or is not to go there.
 */
export async function saveClip(session: Session, clip: ArchivedClip, options: SaveOptions): Promise<void> {
  const { output } = session;
  const { id, archive } = clip;
  const { output: named, force = false, json = false } = options;
  const { sha256, sizeBytes } = archive;
  if (named === STANDARD_OUTPUT) {
    if (json) throw new CommandFailure('standard output has the clip with --output -, and no place for --json');
    await print(session, clip);
    process.stderr.write(`${id}: ${sizeBytes} bytes, sha256 ${sha256}\n`);
    return;
  }
  const file = await fileIn(named, id);
  await downloadClip(session.gateway, { ...clip, file, force });
  output.show({ id, file, sha256, sizeBytes }, () => `${file}: ${sizeBytes} bytes, sha256 ${sha256}`);
}
