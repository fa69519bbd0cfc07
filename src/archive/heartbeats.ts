/** Regular signs of life of a long piece of work, each with what is needed to take it up. */

import { isJsonObject, type JsonObject } from '../domain/json.ts';

export interface Heartbeats {
  /** What the next beat says. */
  describe: () => Promise<JsonObject>;
  /** Beats now; a description that fails is left out, and the one before stands. */
  beat(): Promise<void>;
  stop(): void;
}

interface Listener {
  heartbeat(details: JsonObject): void;
  readonly resumeFrom: unknown;
}

/** Beats at once and then at intervals; the first ones repeat what the work is taken up from, so that it is not lost. */
export function startHeartbeats(listener: Listener, intervalMs: number): Heartbeats {
  let latest: JsonObject = isJsonObject(listener.resumeFrom) ? listener.resumeFrom : {};
  let isDescribing = false;
  let isStopped = false;
  const beats: Heartbeats = {
    describe: async () => latest,
    beat: async () => {
      latest = await beats.describe().catch(() => latest);
      if (!isStopped) listener.heartbeat(latest);
    },
    stop: () => {
      isStopped = true;
      clearInterval(timer);
    },
  };
  // A description can take longer than the interval (a slow disk): the work is alive all the same.
  const tick = async () => {
    if (isDescribing) return listener.heartbeat(latest);
    isDescribing = true;
    await beats.beat();
    isDescribing = false;
  };
  const timer = setInterval(() => void tick(), intervalMs);
  listener.heartbeat(latest);
  return beats;
}
