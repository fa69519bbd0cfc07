/** Joins clips that are coded alike without coding anything: coded pictures and sounds are written one after the other. */

import {
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  FilePathTarget,
  type InputAudioTrack,
  type InputVideoTrack,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';
import type { MediaStore } from '../../media/media-store.ts';
import { withVideoTrack } from '../mp4-probe.ts';
import type { ClipFacts } from './film-plan.ts';

/** What is copied, and where to. */
export interface CopyOrder {
  readonly store: MediaStore;
  readonly clipKeys: readonly string[];
  readonly facts: readonly ClipFacts[];
  /** An MP4 that begins with its index; written anew. */
  readonly file: string;
  readonly signal: AbortSignal;
  /** Told after each clip how many are written. */
  readonly onCopied: (clips: number) => void;
}

/** Writes the film; the clips are read from the store as it goes. @throws NotAVideo, and the signal's reason. */
export async function copyClips(order: CopyOrder): Promise<void> {
  const { store, clipKeys, signal, onCopied } = order;
  const writer = new FilmWriter(order);
  try {
    for (const [n, key] of clipKeys.entries()) {
      await withVideoTrack(store, key, (track) => writer.append(track, signal));
      onCopied(n + 1);
    }
    await writer.finish();
  } catch (error) {
    await writer.cancel();
    throw error;
  }
}

/** A coded picture or sound, at its time within its clip, and how to write it. */
interface Sample {
  readonly packet: EncodedPacket;
  write(): Promise<void>;
}

class FilmWriter {
  readonly #output: Output;
  readonly #packets: { readonly video: number; readonly audio: number };
  #video: EncodedVideoPacketSource | null = null;
  #audio: EncodedAudioPacketSource | null = null;
  /** Where the next clip begins. */
  #atSeconds = 0;

  constructor({ file, facts }: Pick<CopyOrder, 'file' | 'facts'>) {
    this.#output = new Output({
      // The index is written last, into the room that is left for it at the beginning.
      format: new Mp4OutputFormat({ fastStart: 'reserve' }),
      target: new FilePathTarget(file),
    });
    const sum = (of: (clip: ClipFacts) => number) => facts.reduce((all, clip) => all + of(clip), 0);
    this.#packets = { video: sum(({ pictures }) => pictures), audio: sum(({ sounds }) => sounds) };
  }

  async append(video: InputVideoTrack, signal: AbortSignal): Promise<void> {
    const audio = await video.getPrimaryPairableAudioTrack();
    if (this.#video === null) await this.#begin(video, audio);
    const lastsSeconds = await video.computeDuration();
    const pictures = this.#picturesOf(video, await video.getDecoderConfig());
    const sounds = this.#soundsOf(audio, lastsSeconds);
    for await (const { write } of inOrder(pictures, sounds)) {
      signal.throwIfAborted();
      await write();
    }
    this.#atSeconds += lastsSeconds;
  }

  /** The tracks are as those of the first clip. */
  async #begin(video: InputVideoTrack, audio: InputAudioTrack | null): Promise<void> {
    if (video.codec === null || (audio && audio.codec === null))
      throw new Error('clips without a codec are not copied');
    this.#video = new EncodedVideoPacketSource(video.codec);
    this.#output.addVideoTrack(this.#video, {
      rotation: video.rotation,
      maximumPacketCount: this.#packets.video,
    });
    if (audio?.codec) {
      this.#audio = new EncodedAudioPacketSource(audio.codec);
      this.#output.addAudioTrack(this.#audio, { maximumPacketCount: this.#packets.audio });
    }
    await this.#output.start();
  }

  async *#picturesOf(track: InputVideoTrack, config: VideoDecoderConfig | null): AsyncGenerator<Sample> {
    const meta = config ? { decoderConfig: config } : {};
    for await (const packet of new EncodedPacketSink(track).packets()) {
      yield { packet, write: async () => this.#video?.add(this.#shifted(packet), meta) };
    }
  }

  /** Without what sounds before the first picture or after the last: the next clip's begin there. */
  async *#soundsOf(track: InputAudioTrack | null, lastsSeconds: number): AsyncGenerator<Sample> {
    if (track === null) return;
    const config = await track.getDecoderConfig();
    const meta = config ? { decoderConfig: config } : {};
    for await (const packet of new EncodedPacketSink(track).packets()) {
      if (packet.timestamp < 0) continue;
      if (packet.timestamp >= lastsSeconds) return;
      yield { packet, write: async () => this.#audio?.add(this.#shifted(packet), meta) };
    }
  }

  #shifted(packet: EncodedPacket): EncodedPacket {
    return packet.clone({ timestamp: Math.max(0, packet.timestamp) + this.#atSeconds });
  }

  async finish(): Promise<void> {
    await this.#output.finalize();
  }

  /** What was written is its caller's to remove. */
  async cancel(): Promise<void> {
    if (this.#output.state !== 'finalized') await this.#output.cancel().catch(() => undefined);
  }
}

/** Both by their times, so that a player finds them beside each other. */
async function* inOrder(pictures: AsyncGenerator<Sample>, sounds: AsyncGenerator<Sample>): AsyncGenerator<Sample> {
  let [picture, sound] = await Promise.all([pictures.next(), sounds.next()]);
  for (;;) {
    if (picture.done && sound.done) return;
    const isSound = !sound.done && (picture.done || sound.value.packet.timestamp < picture.value.packet.timestamp);
    if (isSound) {
      yield sound.value;
      sound = await sounds.next();
    } else {
      yield picture.value;
      picture = await pictures.next();
    }
  }
}
